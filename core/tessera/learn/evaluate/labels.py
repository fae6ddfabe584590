"""Scores of a run against labels, beside two baselines on the same tiles, so that a good number means something.

Labels are used only to score. Splits are by group (slide, or the stand-in of ready-made tiles), never by tile: tiles of
one field are near-copies of each other.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tessera.errors import RunError
from tessera.learn.cluster.identity import contingency
from tessera.learn.evaluate.metrics import nmi
from tessera.learn.features.device import choose_device, place
from tessera.learn.features.extract import extract
from tessera.learn.reuse.trained import load_trained, untrained
from tessera.runs import control
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

_MAX_TILES = 20_000
_FOLDS, _NEIGHBOURS = 5, 20
_NO_FOLDS = "– k-NN and linear need at least two groups (slides) of each class: give labels.csv a column group"

Labels = npt.NDArray[np.int32]
Features = npt.NDArray[np.float32]


def evaluate(workspace: Workspace, name: str, interval: int | None = None) -> dict[str, Any]:
    """Score clusters and features of a run.

    Args:
        workspace: where the run is.
        name: of the run.
        interval: clustering to score; the last if None. Features are those of the last checkpoint.

    Returns:
        clusters: NMI, AMI, ARI, purity, Hungarian accuracy against labels; features: k-NN and linear accuracy (mean
            over
        group-wise folds; None with fewer than two groups a class) of run, random encoder and colour statistics, with
        the AMI of k-means on each at the run's K.

    Raises:
        RunError: no labels, or no clustering yet.
    """
    run = control.get(workspace, name)
    chosen = run.interval if interval is None else interval
    if chosen < 0:
        raise RunError(f"{name} has no clusters yet: wait for its first interval")
    store = TileStore(workspace.tiles_path, run.store_version)
    index = store.index()
    labels, groups = index.label[: run.n_tiles].astype(np.int32), index.slide[: run.n_tiles]
    clusters = workspace.run_folder(name).assignment(chosen)
    labelled = np.flatnonzero((labels >= 0) & (clusters >= 0))
    if len(np.unique(labels[labelled])) < 2:
        raise RunError("there are no labels to score against: ingest labelled tiles with --tiles FOLDER")
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(labelled, min(len(labelled), _MAX_TILES), replace=False)).astype(np.int64)
    sets = _feature_sets(workspace, run, store, ids)
    k = len(np.unique(clusters[ids]))
    return {
        "run": name,
        "interval": chosen,
        "n_tiles": len(ids),
        "n_groups": len(np.unique(groups[ids])),
        "n_classes": len(np.unique(labels[ids])),
        "n_clusters": k,
        "clusters": score_clusters(clusters[ids], labels[ids]),
        "features": {what: score_features(features, labels[ids], groups[ids], k) for what, features in sets.items()},
    }


def describe(scores: dict[str, Any]) -> str:
    """The scores as a table for a terminal."""
    lines = [
        f"{scores['run']}, interval {scores['interval']}: {scores['n_tiles']:,} labelled tiles of "
        f"{scores['n_groups']} groups, "
        f"{scores['n_classes']} classes, {scores['n_clusters']} clusters",
        "clusters against labels   " + "  ".join(f"{key} {value:.3f}" for key, value in scores["clusters"].items()),
        f"{'features':22}{'k-NN':>8}{'linear':>8}{'AMI of k-means':>16}",
    ]
    for what, row in scores["features"].items():
        knn, linear = (f"{'–' if row[key] is None else format(row[key], '.3f'):>8}" for key in ("knn", "linear"))
        lines.append(f"{what:22}{knn}{linear}{row['kmeans_ami']:16.3f}")
    if any(row["knn"] is None for row in scores["features"].values()):
        lines.append(_NO_FOLDS)
    return "\n".join(lines)


def score_clusters(clusters: Labels, labels: Labels) -> dict[str, float]:
    """Agreement of clusters with labels.

    Args:
        clusters: int32 (N,).
        labels: int32 (N,), ground truth.

    Returns:
        nmi and ami (arithmetic mean), ari, purity, and hungarian (accuracy when each class gets one cluster).
    """
    table = contingency(clusters, labels).toarray()
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {
        "nmi": nmi(clusters, labels),
        "ami": float(adjusted_mutual_info_score(labels, clusters)),
        "ari": float(adjusted_rand_score(labels, clusters)),
        "purity": float(table.max(axis=1).sum() / table.sum()),
        "hungarian": float(table[rows, columns].sum() / table.sum()),
    }


def colour_statistics(tile: npt.NDArray[np.uint8]) -> Features:
    """The baseline that needs no learning: means, spreads, grey percentiles, edges, hue and saturation histograms.

    Args:
        tile: uint8 (H, W, 3), RGB.

    Returns:
        float32 (28,).
    """
    pixels = tile.reshape(-1, 3).astype(np.float32)
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
    hsv = cv2.cvtColor(tile, cv2.COLOR_RGB2HSV)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    hue, _ = np.histogram(hsv[..., 0], 8, (0, 180))
    saturation, _ = np.histogram(hsv[..., 1], 5, (0, 256))
    parts = [
        pixels.mean(axis=0),
        pixels.std(axis=0),
        np.percentile(grey, [5, 25, 50, 75, 95]),
        [edges.mean(), edges.std()],
        100 * hue / grey.size,
        100 * saturation / grey.size,
        [grey.std(), hsv[..., 2].std()],
    ]
    return np.concatenate(parts).astype(np.float32)


def _feature_sets(
    workspace: Workspace, run: control.Run, store: TileStore, ids: npt.NDArray[np.int64]
) -> dict[str, Features]:
    """Features of the run's encoder, of the same encoder before training, and colour statistics."""
    device = choose_device(run.config.device)
    encoders = {"run": load_trained(workspace, run).encoder, "random encoder": untrained(run.config)}
    loader = TileLoader(store, run.config.tile_px, run.config.threads)
    sets = {}
    for what, encoder in encoders.items():
        parts = extract(
            place(encoder, device),
            loader,
            ids,
            batch_size=run.config.features.batch_size,
            device=device,
            precision=run.config.precision,
        )
        sets[what] = np.concatenate([features for _, features in parts])
    loader.close()
    jpegs = (jpeg for start in range(0, len(ids), 512) for jpeg in store.batch(ids[start : start + 512]))
    sets["colour statistics"] = np.stack([colour_statistics(simplejpeg.decode_jpeg(jpeg)) for jpeg in jpegs])
    return sets


def score_features(
    features: Features, labels: Labels, groups: npt.NDArray[np.int32], n_clusters: int
) -> dict[str, float | None]:
    """What features are worth.

    Args:
        features: float32 (N, D); they are standardised first.
        labels: int32 (N,), ground truth.
        groups: int32 (N,), slide or group of each tile: folds never split one.
        n_clusters: K of the k-means.

    Returns:
        knn and linear (mean accuracy over group-wise folds; None when a class has fewer than two groups, for tiles of
        one group are near-copies and would flatter them) and kmeans_ami (AMI of k-means with the labels).
    """
    models = {
        "knn": make_pipeline(StandardScaler(), KNeighborsClassifier(_NEIGHBOURS, metric="cosine")),
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1)),
    }
    folds = min(_FOLDS, *(len(np.unique(groups[labels == label])) for label in np.unique(labels)))
    scores: dict[str, float | None] = dict.fromkeys(models)
    if folds >= 2:
        splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(features, labels, groups))
        for what, model in models.items():
            found = [model.fit(features[a], labels[a]).score(features[b], labels[b]) for a, b in splits]
            scores[what] = float(np.mean(found))
    scaled = StandardScaler().fit_transform(features)
    clusters = KMeans(n_clusters, n_init=3, random_state=0).fit_predict(scaled)
    return {**scores, "kmeans_ami": float(adjusted_mutual_info_score(labels, clusters))}
