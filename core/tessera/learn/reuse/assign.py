"""Tiles that came later, placed into the clusters of a finished run without training.

The result is a run of its own, finished from the start: clustering 0 holds every tile of the workspace, the earlier
ones with the labels they had, the later ones with the cluster of the nearest centroid. Ids are those of the old run, so
that names stand (`tessera.curate.transfer`) and exploring and exporting go on as before; the old run is left as it is.
"""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError
from tessera.learn.cluster import kmeans
from tessera.learn.features.device import choose_device, place
from tessera.learn.features.extract import extract
from tessera.learn.reuse.trained import Trained, load_trained
from tessera.learn.train import checkpoint
from tessera.runs import control
from tessera.runs.control import Run
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent
from tessera.workspace.run_folder import Clusters, RunFolder

_CHUNK = 65_536
_FAR = 99  # percentile of a cluster's own distances

Labels = npt.NDArray[np.int32]
Distances = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Assigned:
    """What was placed.

    Attributes:
        run: name of the new run.
        of: name of the run whose clusters they are.
        n_before: tiles of the old run.
        n_placed: later tiles that have a cluster now.
        n_unreadable: later tiles that do not decode.
        n_far: placed tiles farther from their centroid than 99 % of the cluster's own: new tissue, stain or scanner?
        sizes: later tiles by cluster id; clusters that got none are left out.
    """

    run: str
    of: str
    n_before: int
    n_placed: int
    n_unreadable: int
    n_far: int
    sizes: dict[int, int]

    def summary(self) -> str:
        """The same in words."""
        return (
            f"placed {self.n_placed:,} later tiles into {len(self.sizes)} clusters of {self.of}, as run {self.run}; "
            f"{self.n_far:,} lie farther out than {_FAR} % of their cluster's own tiles, {self.n_unreadable:,} do not "
            "decode"
        )


def assign(workspace: Workspace, name: str, *, to: str | None = None, progress: Progress | None = None) -> Assigned:
    """Place all tiles that are later than a run into its last clusters.

    Args:
        workspace: where both are.
        name: of the finished run.
        to: name of the new run; NAME-assigned, NAME-assigned-2, ... if None.
        progress: is told how many tiles are done.

    Raises:
        RunError: the run is not finished, its last save does not belong to its last clusters, there are no later tiles,
            or the new name is taken.
    """
    run = control.get(workspace, name)
    if run.state != "finished":
        raise RunError(f"{name} is {run.state}: tiles can be placed when it is finished")
    store = TileStore(workspace.tiles_path)
    n_tiles = workspace.n_tiles()
    if n_tiles <= run.n_tiles:
        raise RunError(f"there are no tiles later than {name}: ingest some, or name slides after the run")
    trained, old = load_trained(workspace, run), workspace.run_folder(name)
    if trained.interval != run.interval:
        raise RunError(f"the last save of {name} does not belong to its last clusters: start a new run")
    if old.tiles() is not None:
        raise RunError(f"{name} learnt from some tiles only: later tiles cannot be placed into it; start a new run")
    chosen = control.free_name(workspace, to, f"{name}-assigned")
    new = workspace.run_folder(chosen)
    shutil.rmtree(new.root, ignore_errors=True)  # of a call that was killed: no run has this name
    grown = _grow(old, new, run, n_tiles)
    _place(grown, trained, run, store, old.clusters(run.interval), progress or Silent())
    _save(grown, old, new, run)
    control.record_finished(workspace, chosen, run, n_tiles=n_tiles, store_version=store.version)
    return _report(grown, run, chosen)


@dataclass(frozen=True)
class _Grown:
    """Arrays of all tiles; rows from `n_before` on are to be filled."""

    n_before: int
    bank: npt.NDArray[np.float16]
    labels: Labels
    distances: Distances


def _grow(old: RunFolder, new: RunFolder, run: Run, n_tiles: int) -> _Grown:
    """The old run's arrays, longer."""
    before = old.open_bank()
    bank = new.open_bank((n_tiles, before.shape[1]))
    for start in range(0, run.n_tiles, _CHUNK):
        rows = slice(start, min(start + _CHUNK, run.n_tiles))
        bank[rows] = before[rows]
    labels, distances = np.full(n_tiles, -1, np.int32), np.full(n_tiles, np.nan, np.float16)
    labels[: run.n_tiles] = old.assignment(run.interval)
    distances[: run.n_tiles] = old.distances(run.interval)
    return _Grown(run.n_tiles, bank, labels, distances)


def _place(grown: _Grown, trained: Trained, run: Run, store: TileStore, clusters: Clusters, progress: Progress) -> None:
    """Features, and the nearest centroid, of the later tiles; read as the run's own clustering read its tiles."""
    device = choose_device(run.config.device)
    network = place(trained.network, device)
    loader = TileLoader(store, run.config.tile_px, run.config.threads)
    later = np.arange(grown.n_before, len(grown.labels), dtype=np.int64)
    done = 0
    for ids, features in extract(
        network,
        loader,
        later,
        batch_size=run.config.features.batch_size,
        device=device,
        precision=run.config.precision,
        views=trained.space.views,
    ):
        if not trained.space.normalised:  # the bank holds what the network gives
            grown.bank[ids] = features
            points = grown.bank[ids]
            if trained.normalisation is not None:
                points = trained.normalisation.apply(points).astype(np.float16)
        else:
            grown.bank[ids] = _normalised(trained, features)
            points = grown.bank[ids]
        rows, distances = kmeans.assign(points, clusters.centroids)
        grown.labels[ids], grown.distances[ids] = clusters.ids[rows], distances
        done += len(ids)
        progress.update("placing tiles", done, len(later))
    loader.close()


def _normalised(trained: Trained, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if trained.normalisation is None:
        raise RunError("the checkpoint has no normalisation: it is damaged")
    return trained.normalisation.apply(features)


def _save(grown: _Grown, old: RunFolder, new: RunFolder, run: Run) -> None:
    """Files of the new run; its checkpoint is the old one's, so that it can be evaluated and assigned to in turn."""
    if isinstance(grown.bank, np.memmap):
        grown.bank.flush()
    clusters = old.clusters(run.interval)
    sizes = np.bincount(grown.labels[grown.labels >= 0], minlength=int(clusters.ids.max()) + 1)[clusters.ids]
    new.save_origin(old.origin())
    new.save_distances(0, grown.distances)
    new.save_interval(0, grown.labels, Clusters(clusters.ids, sizes, clusters.centroids))
    found = checkpoint.load_last(old.checkpoint_path, run.digest)
    if found is None:
        raise RunError(f"the checkpoint of {run.name} has been deleted meanwhile")
    checkpoint.save(new.checkpoint_path, dataclasses.replace(found, interval=0, batch=0))


def _report(grown: _Grown, run: Run, to: str) -> Assigned:
    n = grown.n_before
    later, own = grown.labels[n:], grown.labels[:n]
    ids, counts = np.unique(later[later >= 0], return_counts=True)
    n_far = 0
    for cluster in ids:
        usual = grown.distances[:n][own == cluster].astype(np.float32)
        limit = np.percentile(usual, _FAR) if len(usual) else np.inf
        n_far += int((grown.distances[n:][later == cluster] > limit).sum())
    return Assigned(
        to,
        run.name,
        n,
        int(counts.sum()),
        int((later < 0).sum()),
        n_far,
        dict(zip(ids.tolist(), counts.tolist(), strict=True)),
    )
