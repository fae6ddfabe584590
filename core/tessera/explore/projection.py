"""The map: UMAP fitted on a sample, all other tiles placed by their neighbours in it, oriented as the last map."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError
from tessera.explore.clustering import Clustering, open_clustering
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

SAMPLE = 100_000
_NEIGHBOURS, _PLACING = 15, 5
_CHUNK = 65_536
_MIN_TILES = 20


def project(
    workspace: Workspace,
    run: str,
    interval: int | None = None,
    *,
    sample: int = SAMPLE,
    seed: int = 0,
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """Make and save the map of a clustering from the features in the run's bank.

    The bank holds the features of the last clustering, so only that one can be mapped.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: number of the clustering; the last if None.
        sample: tiles that UMAP is fitted on (McInnes et al. 2018), rare clusters over-represented.
        seed: decides sample and map.
        progress: is told of each phase.

    Returns:
        float32 (N, 2), within -1 to 1; NaN for tiles that the run does not learn from.

    Raises:
        RunError: no clustering yet, an older one, or fewer than 20 tiles.
    """
    told = progress or Silent()
    clustering = open_clustering(workspace, run, interval)
    last = clustering.of.interval
    if clustering.interval != last:
        raise RunError(
            f"features of interval {clustering.interval} are gone: only the last clustering, {last}, can be mapped"
        )
    folder = clustering.of.folder
    bank, seen = folder.open_bank(), folder.tiles()
    if seen is None:
        seen = np.arange(len(bank))
    if len(bank) < _MIN_TILES:
        raise RunError(f"{len(bank)} tiles are too few for a map: ingest more")
    rng = np.random.default_rng(seed)
    rows = _stratified(replace(clustering, labels=clustering.labels[seen]), min(sample, len(bank)), rng)
    told.update("fitting the map", 0, len(bank))
    fitted = _umap(np.asarray(bank[rows], np.float32), seed)
    xy = np.empty((len(bank), 2), np.float32)
    _place(bank, rows, fitted, xy, told)
    earlier = [number for number in folder.projections() if number < clustering.interval]
    placed = np.full((len(clustering.labels), 2), np.nan, np.float32)
    placed[seen] = _oriented(xy, folder.projection(earlier[-1])[seen] if earlier else None)
    folder.save_projection(clustering.interval, placed)
    told.update("fitting the map", len(bank), len(bank))
    return placed


def _stratified(clustering: Clustering, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """`n` tiles, drawn with weight size^-1/2 of their cluster, so that small clusters are on the map too."""
    if n == len(clustering.labels):
        return np.arange(n)
    sizes = np.bincount(clustering.labels + 1)
    weights = sizes[clustering.labels + 1] ** -0.5
    keys = rng.exponential(size=len(weights)) / weights  # the n smallest: sampling without replacement by weight
    return np.sort(np.argpartition(keys, n)[:n])


def _umap(features: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # umap announces that a seed makes it single-threaded, which is wanted
        import umap

        model = umap.UMAP(n_neighbors=min(_NEIGHBOURS, len(features) - 1), min_dist=0.1, random_state=seed, n_jobs=1)
        return np.asarray(model.fit_transform(features), np.float32)


def _place(
    bank: npt.NDArray[np.float16],
    rows: npt.NDArray[np.int64],
    fitted: npt.NDArray[np.float32],
    xy: npt.NDArray[np.float32],
    told: Progress,
) -> None:
    """Sampled tiles at their place, others at the weighted mean of their nearest sampled neighbours."""
    xy[rows] = fitted
    rest = np.setdiff1d(np.arange(len(bank)), rows)
    if not len(rest):
        return
    import faiss

    index = faiss.IndexFlatL2(bank.shape[1])
    index.add(np.ascontiguousarray(bank[rows], np.float32))
    for start in range(0, len(rest), _CHUNK):
        part = rest[start : start + _CHUNK]
        squared, near = index.search(np.ascontiguousarray(bank[part], np.float32), _PLACING)
        weights = 1 / (squared + 1e-6)
        xy[part] = (fitted[near] * (weights / weights.sum(axis=1, keepdims=True))[..., None]).sum(axis=1)
        told.update("placing tiles on the map", start + len(part), len(rest))


def _oriented(xy: npt.NDArray[np.float32], previous: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32]:
    """Turned or mirrored to fit the last map (Procrustes, Schoenemann 1966), centred, and within -1 to 1."""
    if previous is not None:
        left, _, right = np.linalg.svd((xy - xy.mean(axis=0)).T @ (previous - previous.mean(axis=0)))
        xy = xy @ (left @ right)
    xy = xy - (xy.min(axis=0) + xy.max(axis=0)) / 2
    return np.asarray(xy / max(float(np.abs(xy).max()), 1e-9), np.float32)


def points_file(clustering: Clustering, xy: npt.NDArray[np.float32]) -> bytes:
    """The map for the browser: uint32 n, float32 x (n), float32 y (n), int32 cluster (n)."""
    n = np.array([len(xy)], np.uint32)
    return b"".join(
        (
            n.tobytes(),
            np.ascontiguousarray(xy[:, 0]).tobytes(),
            np.ascontiguousarray(xy[:, 1]).tobytes(),
            np.ascontiguousarray(clustering.labels, np.int32).tobytes(),
        )
    )


def inside_polygon(xy: npt.NDArray[np.float32], polygon: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Numbers of the points within a polygon (m, 2): the bounding box first, then the exact test."""
    from matplotlib.path import Path

    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
    return near[Path(polygon).contains_points(xy[near])]
