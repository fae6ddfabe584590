"""What a worker works on: all tiles of its run, or some of them, which it then knows by numbers from 0.

Its files speak of tile numbers all the same: labels of tiles that it does not learn from are -1, and their distances
NaN. Only the bank has one row for each tile that is learnt from.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tessera.runs.control import Run
from tessera.tiles.store import TileStore
from tessera.tiles.subset import StoreSubset
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters, RunFolder


def scope(workspace: Workspace, run: Run) -> tuple[Run, RunFolder, TileStore | StoreSubset]:
    """The run, its folder and its store, as the worker shall see them.

    Args:
        workspace: the workspace of the run.
        run: as the ledger has it.

    Returns:
        The run with `n_tiles` counting the tiles that it learns from, and folder and store numbered accordingly.
    """
    folder, store = workspace.run_folder(run.name), TileStore(workspace.tiles_path, run.store_version)
    tiles = folder.tiles()
    if tiles is None:
        return run, folder, store
    return replace(run, n_tiles=len(tiles)), _SubsetFolder(folder.root, tiles, run.n_tiles), StoreSubset(store, tiles)


class _SubsetFolder(RunFolder):
    """Takes and gives arrays over the tiles that are learnt from.

    Args:
        root: of the run's folder.
        tiles: int64 (B,), their numbers.
        n_tiles: tiles that the run knows.
    """

    def __init__(self, root: Path, tiles: npt.NDArray[np.int64], n_tiles: int) -> None:
        super().__init__(root)
        self._tiles, self._n = tiles, n_tiles

    def save_interval(self, interval: int, labels: npt.NDArray[np.int32], clusters: Clusters, *, head: int = 0) -> None:
        """Write labels (B,) as labels of all tiles."""
        whole = np.full(self._n, -1, np.int32)
        whole[self._tiles] = labels
        super().save_interval(interval, whole, clusters, head=head)

    def assignment(self, interval: int, *, head: int = 0) -> npt.NDArray[np.int32]:
        """Labels int32 (B,)."""
        return super().assignment(interval, head=head)[self._tiles]

    def start(self) -> npt.NDArray[np.int32] | None:
        """Labels to start from, int32 (B,)."""
        whole = super().start()
        return None if whole is None else whole[self._tiles]

    def save_distances(self, interval: int, distances: npt.NDArray[np.floating]) -> None:
        """Write distances (B,) as distances of all tiles."""
        whole = np.full(self._n, np.nan, np.float16)
        whole[self._tiles] = distances
        super().save_distances(interval, whole)

    def distances(self, interval: int) -> npt.NDArray[np.float16]:
        """Distances float16 (B,)."""
        return super().distances(interval)[self._tiles]
