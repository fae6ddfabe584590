"""Everything that pages and exports ask of one clustering, loaded once and shared.

A `Clustering` is read-only and cached by (workspace, run, interval): arrays are memory-mapped or shared by all
sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError
from tessera.runs import control
from tessera.tiles.store import TileIndex, TileStore
from tessera.workspace.folder import Workspace


@dataclass(frozen=True, eq=False)
class Clustering:
    """One clustering of a run's tiles.

    Attributes:
        workspace: where it is.
        run: name of the run.
        interval: number of the clustering.
        labels: int32 (N,), persistent cluster id of each tile, -1 = none.
        distances: float16 (N,), distance to the own centroid.
        ids: int32 (K,), cluster ids, ascending.
        sizes: int64 (K,), tiles in each.
        index: coordinates of tiles.
        store: reads their pixels.
    """

    workspace: Workspace
    run: str
    interval: int
    labels: npt.NDArray[np.int32]
    distances: npt.NDArray[np.float16]
    ids: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    index: TileIndex
    store: TileStore

    def members(self, cluster: int) -> npt.NDArray[np.int64]:
        """Tile numbers of a cluster."""
        return np.flatnonzero(self.labels == cluster)


def open_clustering(workspace: Workspace, run: str, interval: int | None = None) -> Clustering:
    """The view of a clustering; the last complete one if no interval is given.

    Raises:
        RunError: the run has no clustering yet, or not this one.
    """
    row = control.get(workspace, run)
    if row.interval < 0:
        raise RunError(f"{run} has no clusters yet: wait for its first interval")
    chosen = row.interval if interval is None else interval
    if not 0 <= chosen <= row.interval:
        raise RunError(f"{run} has intervals 0 to {row.interval}, not {chosen}")
    return _open(workspace.root, run, chosen, row.id)


@lru_cache(maxsize=8)
def _open(root: Path, run: str, interval: int, run_id: int) -> Clustering:  # noqa: ARG001 - the id tells runs of one name apart
    workspace = Workspace(root)
    folder = workspace.run_folder(run)
    labels = folder.assignment(interval)
    store = TileStore(workspace.tiles_path, control.get(workspace, run).store_version)
    ids, sizes = np.unique(labels[labels >= 0], return_counts=True)
    return Clustering(
        workspace, run, interval, labels, folder.distances(interval), ids, sizes.astype(np.int64), store.index(), store
    )
