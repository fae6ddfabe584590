"""Micro-centroids: many small k-means cells that stand for all tiles where a method cannot take all of them.

RCC on m centroids, each counted as one point, loses little while there are many per class (reference/rcc.md, 6.4);
weighing them by their tiles makes it worse. Cells are made in two levels, because one flat k-means of 100,000 centroids
is quadratic.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.learn.cluster.lloyd import lloyd, nearest_rows
from tessera.learn.cluster.vectors import class_means

_ITERATIONS = 8
_PER_CENTROID = 128  # points per centroid that a k-means learns from

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
    cells = nearest_rows(points, _kmeans(_sample(points, coarse * 4 * _PER_CENTROID, rng), coarse, rng))[0]
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
        places, _ = nearest_rows(inside, fine)
        used, places = np.unique(places, return_inverse=True)
        owner[np.sort(members)] = offset + places
        parts.append(class_means(inside, places.astype(np.int32), len(used)))
        offset += len(used)
    return np.concatenate(parts), owner


def _sample(points: Points, size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows = np.arange(len(points)) if len(points) <= size else np.sort(rng.choice(len(points), size, replace=False))
    return np.ascontiguousarray(points[rows], np.float32)


def _kmeans(sample: npt.NDArray[np.float32], k: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    if k >= len(sample):
        return sample
    return lloyd(sample, k, seed=int(rng.integers(1, 2**31 - 1)), iterations=_ITERATIONS)
