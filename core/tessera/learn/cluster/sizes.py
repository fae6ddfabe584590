"""From the partition that a clusterer found to classes that can be trained on: fold tiny clusters, merge, describe.

All rules work on points with a mass, so that micro-centroids count as the tiles that they stand for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.learn.cluster.kmeans import ClusterResult
from tessera.learn.cluster.vectors import chunks, class_means
from tessera.learn.cluster.ward import ward

_WARD_LIMIT = 4_000

Points = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int32]
Masses = npt.NDArray[np.int64]


def fold(points: Points, labels: Labels, least: int, masses: Masses | None = None) -> tuple[Labels, int]:
    """Move every point of a cluster smaller than `least`, and noise, to the nearest mean of a large cluster.

    Point by point, not cluster by cluster; when no cluster is large enough, the largest one is.

    Args:
        points: (M, D).
        labels: int32 (M,), -1 = noise.
        least: tiles that a cluster must have.
        masses: int64 (M,), tiles of each point; one each if None.

    Returns:
        int32 (M,) labels 0..K-1, largest first, and how many clusters were folded.
    """
    known = labels >= 0
    if not known.any():
        return np.zeros(len(labels), np.int32), 0
    weights = np.ones(len(labels), np.int64) if masses is None else masses
    sizes = np.bincount(labels[known], weights[known])
    large = np.flatnonzero(sizes >= least)
    if not len(large):
        large = np.array([sizes.argmax()])
    stays = known & np.isin(labels, large)
    out = np.where(stays, labels, -1).astype(np.int32)
    means = class_means(points, out, len(sizes), weights)[large]
    astray = np.flatnonzero(~stays)
    for part in chunks(len(astray)):
        rows = astray[part]
        chunk = np.asarray(points[rows], np.float32)
        out[rows] = large[((means**2).sum(axis=1) - 2 * chunk @ means.T).argmin(axis=1)]
    return by_size(out, weights), int((sizes > 0).sum() - len(large))


def merge(points: Points, labels: Labels, k: int, least: int, masses: Masses) -> Labels:
    """At most `k` clusters of at least `least` tiles by Ward's merges, then folding.

    Beyond 4,000 clusters the smallest are folded first, because Ward's time grows with the square.
    """
    known = labels >= 0
    start = np.full(len(labels), -1, np.int32)
    start[known] = by_size(labels[known], masses[known])
    start[start >= _WARD_LIMIT] = -1
    labels, _ = fold(points, start, 1, masses)
    n = int(labels.max()) + 1
    tree = ward(class_means(points, labels, n, masses), np.bincount(labels, masses, minlength=n).astype(np.int64))
    left = k
    while True:
        found, _ = fold(points, tree.cut(left)[labels], least, masses)
        missing = k - (int(found.max()) + 1)
        if missing <= 0 or left >= n:
            return found
        left = min(left + missing, n)


def describe(
    points: Points, labels: Labels, n_repaired: int, figures: dict[str, float], how: str = ""
) -> ClusterResult:
    """The clustering of all points: means, and distances to them, in chunks.

    Args:
        points: (N, D).
        labels: int32 (N,), 0..K-1, none empty.
        n_repaired: clusters that were folded.
        figures: measured on the way.
        how: what was found and done, in words.
    """
    means = class_means(points, labels, int(labels.max()) + 1)
    distances = np.empty(len(points), np.float32)
    for part in chunks(len(points)):
        distances[part] = np.linalg.norm(np.asarray(points[part], np.float32) - means[labels[part]], axis=1)
    return ClusterResult(
        labels, distances, means, float((distances.astype(np.float64) ** 2).mean()), n_repaired, figures, how
    )


def by_size(labels: Labels, masses: Masses) -> Labels:
    """Labels numbered 0..K-1 from the largest to the smallest, without gaps; ties by their first point."""
    _, first, places = np.unique(labels, return_index=True, return_inverse=True)
    sizes = np.bincount(places, masses)
    rank = np.empty(len(sizes), np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes), dtype=np.int32)
    return rank[places]
