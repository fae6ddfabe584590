"""Everything that pages and exports ask of one clustering, loaded once and shared.

A `Clustering` is read-only and cached by (workspace, run, interval): arrays are memory-mapped or shared by all
sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError
from tessera.runs.rows import Run, open_run
from tessera.tiles.store import TileIndex, TileStore
from tessera.workspace.folder import Workspace


@dataclass(frozen=True, eq=False)
class Clustering:
    """One clustering of a run's tiles.

    Attributes:
        of: the run, as it was when the clustering was opened: its id, files, settings and tiles never change.
        interval: number of the clustering.
        labels: int32 (N,), persistent cluster id of each tile, -1 = none.
        distances: float16 (N,), distance to the own centroid.
        ids: int32 (K,), cluster ids, ascending.
        sizes: int64 (K,), tiles in each.
        index: coordinates of tiles.
        store: reads their pixels.
    """

    of: Run
    interval: int
    labels: npt.NDArray[np.int32]
    distances: npt.NDArray[np.float16]
    ids: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    index: TileIndex
    store: TileStore

    @property
    def workspace(self) -> Workspace:
        """Where it is."""
        return self.of.workspace

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.of.name

    def members(self, cluster: int) -> npt.NDArray[np.int64]:
        """Tile numbers of a cluster."""
        return np.flatnonzero(self.labels == cluster)


def open_clustering(workspace: Workspace, run: str, interval: int | None = None) -> Clustering:
    """A clustering of the run with this name; see `clustering_of`, which takes the handle of a run."""
    return clustering_of(open_run(workspace, run), interval)


def clustering_of(run: Run, interval: int | None = None) -> Clustering:
    """A clustering of a run; the last complete one if no interval is given.

    Raises:
        RunError: the run has no clustering yet, or not this one.
    """
    return opened(which(run, interval))


@dataclass(frozen=True)
class Which:
    """A clustering by what tells it from all others; what is made of it is cached under this.

    Attributes:
        root: folder of the workspace.
        run_id: row of the run: it tells runs of one name apart.
        interval: number of the clustering.
        run: the handle, which changes while a run is at work and so is no part of the key.
    """

    root: Path
    run_id: int
    interval: int
    run: Run = field(compare=False)


def which(run: Run, interval: int | None = None) -> Which:
    """The key of a clustering, the last complete one if no interval is given. Raises as `clustering_of`."""
    if run.interval < 0:
        raise RunError(f"{run.name} has no clusters yet: wait for its first interval")
    chosen = run.interval if interval is None else interval
    if not 0 <= chosen <= run.interval:
        raise RunError(f"{run.name} has intervals 0 to {run.interval}, not {chosen}")
    return Which(run.workspace.root, run.id, chosen, run)


@lru_cache(maxsize=8)
def opened(which: Which) -> Clustering:
    """The clustering of a key, the same object as long as it is in use."""
    run, folder = which.run, which.run.folder
    labels = folder.assignment(which.interval)
    store = TileStore(run.workspace.tiles_path, run.store_version)
    ids, sizes = np.unique(labels[labels >= 0], return_counts=True)
    distances = folder.distances(which.interval)
    return Clustering(run, which.interval, labels, distances, ids, sizes.astype(np.int64), store.index(), store)
