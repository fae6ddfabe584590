"""Micro-centroids: many small k-means cells that stand for all tiles where a method cannot take all of them.

RCC on m centroids, each counted as one point, loses little while there are many per class (reference/rcc.md, 6.4); weighing
them by their tiles makes it worse. Cells are made in two levels, because one flat k-means of 100,000 centroids is quadratic.
"""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

_ITERATIONS = 8
_PER_CENTROID = 128  # points per centroid that a k-means learns from
_CHUNK = 65_536

Points = npt.NDArray[np.floating]


def micro_centroids(
    points: Points, m: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """About `m` centroids, and the one of every point.

    Args:
        points: (N, D), memory-mapped or not.
        m: centroids wanted; coarse cells get their share by size, at least one each.
        rng: decides the starts.

    Returns:
        float32 (M, D) means of cells that have points, and int32 (N,) the row of each point's cell.
    """
    coarse = max(1, int(np.sqrt(m)))
    cells = _nearest(points, _kmeans(_sample(points, coarse * 4 * _PER_CENTROID, rng), coarse, rng))
    order = np.argsort(cells, kind="stable")
    ends = np.cumsum(np.bincount(cells, minlength=coarse))
    owner = np.empty(len(points), np.int32)
    parts: list[npt.NDArray[np.float32]] = []
    offset = 0
    for start, end in zip(ends - np.bincount(cells, minlength=coarse), ends, strict=True):
        if start == end:
            continue
        members = order[start:end]
        inside = np.ascontiguousarray(points[np.sort(members)], np.float32)
        share = min(len(inside), max(1, round(m * len(inside) / len(points))))
        fine = _kmeans(_sample(inside, share * _PER_CENTROID, rng), share, rng)
        places = _nearest(inside, fine)
        used, places = np.unique(places, return_inverse=True)
        owner[np.sort(members)] = offset + places
        parts.append(_means(inside, places, len(used)))
        offset += len(used)
    return np.concatenate(parts), owner


def _sample(points: Points, size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows = np.arange(len(points)) if len(points) <= size else np.sort(rng.choice(len(points), size, replace=False))
    return np.ascontiguousarray(points[rows], np.float32)


def _kmeans(sample: npt.NDArray[np.float32], k: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    if k >= len(sample):
        return sample
    found = faiss.Kmeans(
        sample.shape[1],
        k,
        niter=_ITERATIONS,
        seed=int(rng.integers(1, 2**31 - 1)),
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),
    )
    found.train(sample)
    return np.asarray(found.centroids, np.float32)


def _nearest(points: Points, centroids: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    index = faiss.IndexFlatL2(centroids.shape[1])
    index.add(np.ascontiguousarray(centroids))
    chunks = range(0, len(points), _CHUNK)
    return np.concatenate(
        [index.search(np.ascontiguousarray(points[a : a + _CHUNK], np.float32), 1)[1][:, 0] for a in chunks]
    )


def _means(points: npt.NDArray[np.float32], places: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.float32]:
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(k))
    sums = np.add.reduceat(points[order].astype(np.float64), starts, axis=0)
    return (sums / np.bincount(places, minlength=k)[:, None]).astype(np.float32)
