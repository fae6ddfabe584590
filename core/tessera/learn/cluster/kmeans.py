"""k-means for pseudo-labels: trained on a subset, assigned in chunks, no cluster left empty.

faiss runs the Lloyd steps; on a GPU torch does, where faiss has no build for it. faiss's objective is a float32 running
sum, which stops counting above 2^24 points, so it is computed here in float64 (reference/algorithms.md, 1.3).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import faiss
import numpy as np
import numpy.typing as npt

from tessera.config import RunConfig
from tessera.errors import ConfigError, RunError
from tessera.learn.cluster.lloyd import lloyd
from tessera.learn.cluster.vectors import chunks, class_sums, unit_rows

if TYPE_CHECKING:  # at run time it would load torch
    from tessera.learn.features.distributed import Ranks

_WARM_ITERATIONS = 5
_MAX_REPAIRS = 10

Points = npt.NDArray[np.floating]
_Nearest = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
_Search = Callable[[npt.NDArray[np.float32]], _Nearest]


@dataclass(frozen=True)
class ClusterResult:
    """A clustering of all points.

    Attributes:
        labels: int32 (N,), row of `centroids`.
        distances: float32 (N,), Euclidean distance to the own centroid.
        centroids: float32 (K, D).
        objective: mean squared distance, in float64.
        n_repaired: clusters that were empty or below the least size, dissolved, and refilled by splitting a large one,
            or folded into others by a clusterer that finds K itself.
        figures: what else the clusterer measured, by name.
        how: which clusterer, what it found, and how the number of clusters was reached, in words.
    """

    labels: npt.NDArray[np.int32]
    distances: npt.NDArray[np.float32]
    centroids: npt.NDArray[np.float32]
    objective: float
    n_repaired: int
    figures: dict[str, float] = field(default_factory=dict)
    how: str = ""


def cluster(
    points: Points,
    config: RunConfig,
    rng: np.random.Generator,
    previous: npt.NDArray[np.int32] | None = None,
    gpu: str | None = None,
    ranks: Ranks | None = None,
) -> ClusterResult:
    """Cluster all points into `config.clustering.clusters` clusters.

    With `previous` labels the start is the mean of the current points of each former cluster, and a few Lloyd steps
    suffice; rows then continue the former ones. Deviations from DeepCluster, which runs faiss's Lloyd steps on all
    points from random points: the subset, the warm start, and the least size. When the method is spherical, centroids
    are scaled to unit length at every step (points are unit vectors: the nearest centroid is then the one of largest
    cosine).

    Args:
        points: (N, D), any float type, memory-mapped or not; rows that are not finite are an error.
        config: clusters, kmeans_iterations, train_points_per_centroid, min_cluster.
        rng: decides subset and start.
        previous: int32 (N,), row of each point in the last clustering, -1 = none.
        gpu: a CUDA device that shall do the work; None = faiss on the CPU, and torch is not loaded.
        ranks: processes that all call this with the same points: each assigns its slice of them, and on GPUs without
            faiss each holds a part of the subset. None = this one alone.

    Raises:
        ConfigError: more clusters than points allow.
        RunError: points are not finite.
    """
    k = config.clustering.clusters
    if k * 2 > len(points):
        raise ConfigError(f"clusters={k} is too many for {len(points)} tiles: choose at most {len(points) // 2}")
    subset = _subset(points, k * config.clustering.train_points_per_centroid, rng)
    if not np.isfinite(subset).all():
        raise RunError("features are not finite: training has diverged; lower learning_rate and start again")
    start = None if previous is None else _class_means(points, previous, k, ranks)
    iterations = config.clustering.kmeans_iterations if start is None else _WARM_ITERATIONS
    together = ranks if gpu is not None and not faiss.get_num_gpus() else None  # torch's Lloyd steps share the subset

    def steps() -> npt.NDArray[np.float32]:
        return _lloyd(
            subset, k, rng, iterations=iterations, start=start, spherical=config.spherical, gpu=gpu, ranks=together
        )

    centroids = steps() if together is not None else _by_first(ranks, steps)
    repaired = 0
    for _ in range(_MAX_REPAIRS):
        labels, distances = assign(points, centroids, gpu, ranks)
        small = np.flatnonzero(np.bincount(labels, minlength=k) < config.clustering.min_cluster)
        if not len(small) or len(points) < 2 * k * config.clustering.min_cluster:
            break
        repaired += len(small)
        parted = functools.partial(_split_largest, subset, centroids, small, rng, spherical=config.spherical)
        centroids = _by_first(ranks, parted)
    squared = distances.astype(np.float64) ** 2
    how = f"k-means with {k} clusters" + (f"; {repaired} too small ones made anew" if repaired else "")
    return ClusterResult(labels, distances, centroids, float(squared.mean()), repaired, how=how)


def assign(
    points: Points, centroids: npt.NDArray[np.float32], gpu: str | None = None, ranks: Ranks | None = None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Nearest centroid of every point, in chunks.

    Args:
        points: (N, D), any float type, memory-mapped or not.
        centroids: float32 (K, D).
        gpu: a CUDA device, where torch does it; None = faiss on the CPU.
        ranks: processes that share the points, each assigning its slice; all get the whole answer.

    Returns:
        int32 (N,) labels and float32 (N,) Euclidean distances.

    Raises:
        RunError: a point is not finite.
    """
    find = _search(np.ascontiguousarray(centroids, dtype=np.float32), gpu)
    labels, distances = np.zeros(len(points), np.int32), np.zeros(len(points), np.float32)
    for rows, chunk in _chunks(points, ranks):
        nearest, squared = find(chunk)
        if nearest.min() < 0 or not np.isfinite(squared).all():
            raise RunError("features are not finite: training has diverged; lower learning_rate and start again")
        labels[rows], distances[rows] = nearest, np.sqrt(np.maximum(squared, 0))
    return (labels, distances) if ranks is None else (ranks.total_array(labels), ranks.total_array(distances))


def _search(centroids: npt.NDArray[np.float32], gpu: str | None) -> _Search:
    """From float32 (n, D) to the nearest row (n,) and the squared distance (n,)."""
    if gpu is None:
        index = faiss.IndexFlatL2(centroids.shape[1])
        index.add(centroids)

        def by_faiss(chunk: npt.NDArray[np.float32]) -> _Nearest:
            squared, nearest = index.search(chunk, 1)
            return nearest[:, 0], squared[:, 0]

        return by_faiss
    import torch

    from tessera.learn.cluster import kmeans_torch

    rows = torch.from_numpy(centroids).to(gpu)

    def by_torch(chunk: npt.NDArray[np.float32]) -> _Nearest:
        found = kmeans_torch.nearest(torch.from_numpy(chunk).to(gpu), rows)
        return found.labels.cpu().numpy(), found.squared.cpu().numpy()

    return by_torch


def _by_first(ranks: Ranks | None, work: Callable[[], npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """What the first rank works out, on all."""
    if ranks is None:
        return work()
    found: npt.NDArray[np.float32] = ranks.tell(work() if ranks.first else np.empty(0, np.float32))
    return found


def _chunks(points: Points, ranks: Ranks | None = None) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Rows of all points, or of this rank's slice of them."""
    own = slice(0, len(points)) if ranks is None else ranks.share(len(points))
    for rows in chunks(own.stop, own.start):
        yield rows, np.ascontiguousarray(points[rows], dtype=np.float32)


def _subset(points: Points, size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    if len(points) <= size:
        return np.ascontiguousarray(points, dtype=np.float32)
    rows = np.sort(rng.choice(len(points), size, replace=False))
    return np.ascontiguousarray(points[rows], dtype=np.float32)


def _class_means(
    points: Points, labels: npt.NDArray[np.int32], k: int, ranks: Ranks | None = None
) -> npt.NDArray[np.float32]:
    """Mean of the points of each label, float32 (k, D); NaN for a label without points."""
    own = None if ranks is None else ranks.share(len(points))
    sums, counts = class_sums(points, labels, k, rows=own)
    if ranks is not None:
        sums, counts = ranks.total_array(sums), ranks.total_array(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums / counts[:, None]).astype(np.float32)


def _lloyd(
    subset: npt.NDArray[np.float32],
    k: int,
    rng: np.random.Generator,
    *,
    iterations: int,
    start: npt.NDArray[np.float32] | None = None,
    spherical: bool = False,
    gpu: str | None = None,
    ranks: Ranks | None = None,
) -> npt.NDArray[np.float32]:
    """Lloyd steps by faiss, or by torch on a GPU, whose subset ranks may share.

    Both split a large cluster when one runs empty.
    """
    if start is not None:
        lost = np.isnan(start).any(axis=1)
        start[lost] = subset[rng.choice(len(subset), int(lost.sum()), replace=False)]
        start = unit_rows(start) if spherical else start
    if gpu is not None and not faiss.get_num_gpus():
        first = subset[rng.choice(len(subset), k, replace=False)] if start is None else start
        part = subset if ranks is None else subset[ranks.share(len(subset))]
        shared = ranks is not None and ranks.world > 1
        return _lloyd_by_torch(part, first, iterations, gpu, spherical=spherical, shared=shared)
    seed = int(rng.integers(1, 2**31 - 1))
    return lloyd(subset, k, seed=seed, iterations=iterations, start=start, spherical=spherical, gpu=gpu is not None)


def _lloyd_by_torch(
    subset: npt.NDArray[np.float32],
    start: npt.NDArray[np.float32],
    iterations: int,
    gpu: str,
    *,
    spherical: bool,
    shared: bool,
) -> npt.NDArray[np.float32]:
    import torch
    from torch import distributed

    from tessera.learn.cluster import kmeans_torch

    points, first = torch.from_numpy(subset).to(gpu), torch.from_numpy(np.ascontiguousarray(start, np.float32))
    group = distributed.group.WORLD if shared else None
    centroids = kmeans_torch.lloyd(points, first, iterations=iterations, spherical=spherical, group=group)
    found: npt.NDArray[np.float32] = centroids.cpu().numpy()
    return found


def _split_largest(
    subset: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    small: npt.NDArray[np.int64],
    rng: np.random.Generator,
    *,
    spherical: bool,
) -> npt.NDArray[np.float32]:
    """Dissolve small clusters and give each of their rows half of a large cluster, split by 2-means (as in ODC)."""
    centroids = centroids.copy()
    labels, _ = assign(subset, centroids)
    sizes = np.bincount(labels, minlength=len(centroids))
    for row in small:
        largest = int(sizes.argmax())
        members = subset[labels == largest]
        if len(members) < 4:
            break
        halves = _lloyd(members, 2, rng, iterations=_WARM_ITERATIONS, spherical=spherical)
        centroids[largest], centroids[row] = halves
        sizes[largest] = sizes[row] = sizes[largest] // 2
        labels[labels == largest] = -1  # a cluster is split once a round; the next assignment tells the new sizes
    return centroids
