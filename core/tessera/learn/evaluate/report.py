"""All that can be said of a run: `tessera evaluate`. Without labels its regions, steadiness and places.

With labels, scores and baselines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError
from tessera.learn.evaluate import baselines, unlabelled
from tessera.learn.evaluate.labels import score_clusters, score_features
from tessera.learn.evaluate.record import known_groups
from tessera.learn.evaluate.saved import save
from tessera.learn.evaluate.words import sentences
from tessera.runs import control
from tessera.runs.rows import Run
from tessera.tiles.store import TileIndex, TileStore
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

_MAX_TILES = 20_000
_CLASSES = 2  # with labels, at least

Labels = npt.NDArray[np.int32]


def evaluate(
    workspace: Workspace, name: str, interval: int | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Figures of a run's clusters and features, kept in its folder for the page.

    Args:
        workspace: where the run is.
        name: of the run.
        interval: clustering to score; the last if None. Features are those of the last checkpoint.
        progress: hears the phases.

    Returns:
        run, interval, n_tiles, n_groups, n_classes, n_clusters; regions (None where no tiles touch), steadiness and
        places (see `tessera.learn.evaluate.unlabelled`); words; with labels of two classes also clusters (see
        `score_clusters`) and features (`score_features` of the run and every baseline).

    Raises:
        RunError: no clustering yet.
    """
    told, run = progress or Silent(), control.get(workspace, name)
    chosen = run.interval if interval is None else interval
    if chosen < 0:
        raise RunError(f"{name} has no clusters yet: wait for its first interval")
    store = TileStore(workspace.tiles_path, run.store_version)
    index, folder = _first(store.index(), run.n_tiles), workspace.run_folder(name)
    clusters, known = folder.assignment(chosen), known_groups(workspace, store, run.n_tiles)
    clustered = np.flatnonzero(clusters >= 0)
    bank, own = folder.open_bank(), folder.tiles()
    rows = np.arange(run.n_tiles) if own is None else own
    told.update("regions and places", 0, 3)
    found: dict[str, Any] = {
        "run": name,
        "interval": chosen,
        "n_tiles": len(clustered),
        "n_groups": len(np.unique(index.slide[clustered])),
        "n_classes": len(np.unique(index.label[clustered][index.label[clustered] >= 0])),
        "n_clusters": len(np.unique(clusters[clustered])),
        "regions": unlabelled.regions(_of_slides(workspace, clusters, index), index),
        "places": unlabelled.places(clusters[rows], {what: codes[rows] for what, codes in known.items()}, bank),
    }
    told.update("clustering again", 1, 3)
    found["steadiness"] = unlabelled.steadiness(bank, found["n_clusters"], run.config)
    if found["n_classes"] >= _CLASSES:
        told.update("baselines", 2, 3)
        found |= _against_labels(workspace, run, store, clusters)
    found["words"] = sentences(found)
    save(folder, found)
    told.update("done", 3, 3)
    return found


def _against_labels(workspace: Workspace, run: Run, store: TileStore, clusters: Labels) -> dict[str, Any]:
    index = store.index()
    labels, groups = index.label[: run.n_tiles].astype(np.int32), index.slide[: run.n_tiles]
    labelled = np.flatnonzero((labels >= 0) & (clusters >= 0))
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(labelled, min(len(labelled), _MAX_TILES), replace=False)).astype(np.int64)
    sets, k = baselines.feature_sets(workspace, run, store, ids), len(np.unique(clusters[ids]))
    return {
        "n_tiles": len(ids),
        "clusters": score_clusters(clusters[ids], labels[ids], groups[ids]),
        "features": {what: score_features(features, labels[ids], groups[ids], k) for what, features in sets.items()},
    }


def _first(index: TileIndex, n: int) -> TileIndex:
    return TileIndex(index.slide[:n], index.x0[:n], index.y0[:n], index.side0[:n], index.label[:n])


def _of_slides(workspace: Workspace, clusters: Labels, index: TileIndex) -> Labels:
    """Clusters of tiles that were cut from slides; -1 for ready-made ones, whose places mean nothing."""
    with workspace.ledger.read() as connection:
        cut = [row["id"] for row in connection.execute("SELECT id FROM slide WHERE kind = 'slide'")]
    return np.where(np.isin(index.slide, cut), clusters, -1).astype(np.int32)
