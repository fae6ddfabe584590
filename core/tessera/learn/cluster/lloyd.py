"""Lloyd's steps and the nearest centroid by faiss: the one place that k-means of any kind goes through."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

from tessera.learn.cluster.vectors import chunks, unit_rows

Points = npt.NDArray[np.floating]
Vectors = npt.NDArray[np.float32]


def lloyd(
    points: Vectors,
    k: int,
    *,
    seed: int,
    iterations: int,
    start: Vectors | None = None,
    spherical: bool = False,
    gpu: bool = False,
) -> Vectors:
    """Centroids of k-means; a cluster that runs empty takes half of a large one.

    Args:
        points: float32 (N, D), finite; all of them are learnt from.
        k: clusters, at most N.
        seed: of the points that are the first centroids.
        iterations: Lloyd steps.
        start: float32 (k, D), first centroids in place of drawn points.
        spherical: scale centroids to unit length at every step.
        gpu: let faiss use its GPU, where it has a build for one.

    Returns:
        float32 (k, D).
    """
    kmeans = faiss.Kmeans(
        points.shape[1],
        k,
        niter=iterations,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=len(points),
        spherical=spherical,
        gpu=gpu,
    )
    kmeans.train(np.ascontiguousarray(points, np.float32), init_centroids=start)
    centroids = np.asarray(kmeans.centroids, np.float32)
    return unit_rows(centroids) if spherical else centroids


def nearest_rows(points: Points, centroids: Vectors) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Nearest centroid of every point, in chunks.

    Args:
        points: (N, D), any float type, memory-mapped or not.
        centroids: float32 (K, D).

    Returns:
        int64 (N,) rows and float32 (N,) squared distances; a row that is not finite gets -1.
    """
    index = faiss.IndexFlatL2(centroids.shape[1])
    index.add(np.ascontiguousarray(centroids, np.float32))
    rows, squared = np.empty(len(points), np.int64), np.empty(len(points), np.float32)
    for part in chunks(len(points)):
        found = index.search(np.ascontiguousarray(points[part], np.float32), 1)
        squared[part], rows[part] = found[0][:, 0], found[1][:, 0]
    return rows, squared
