"""Lloyd's k-means in torch: for GPUs where faiss has no GPU build, and for several processes that each hold a slice.

Points go through in chunks; sums are kept in float64. With a process group, sums, counts and the objective are added up
over all ranks, so that each rank gets the same centroids from its own slice of the points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import distributed
from torch.nn import functional

from tessera.learn.cluster.vectors import chunks

_NUDGE = 1 / 1024  # as faiss parts the two halves of a split cluster


@dataclass(frozen=True)
class Assignment:
    """Nearest centroids.

    Attributes:
        labels: int64 (N,), row of the centroid.
        squared: float32 (N,), squared Euclidean distance to it.
    """

    labels: torch.Tensor
    squared: torch.Tensor


def lloyd(
    points: torch.Tensor,
    start: torch.Tensor,
    *,
    iterations: int,
    spherical: bool = False,
    group: distributed.ProcessGroup | None = None,
) -> torch.Tensor:
    """Lloyd steps from given centroids.

    A cluster that runs empty takes one half of the largest: both get its centroid, nudged apart.

    Args:
        points: float (N, D) of this rank, on the device that shall work.
        start: float (K, D), the same on all ranks.
        iterations: steps.
        spherical: scale centroids to unit length after each step.
        group: processes that each hold other points; None = this one has all.

    Returns:
        float32 (K, D), on the points' device.
    """
    centroids = start.to(points.device, torch.float32)
    for _ in range(iterations):
        sums = torch.zeros(centroids.shape, dtype=torch.float64, device=points.device)
        counts = torch.zeros(len(centroids), dtype=torch.float64, device=points.device)
        for chunk in _chunks(points):
            labels = nearest(chunk, centroids).labels
            sums.index_add_(0, labels, chunk.double())
            counts += torch.bincount(labels, minlength=len(centroids))
        if group is not None:
            distributed.all_reduce(sums, group=group)
            distributed.all_reduce(counts, group=group)
        centroids = _means(sums, counts)
        if spherical:
            centroids = functional.normalize(centroids, dim=1)
    return centroids


def nearest(points: torch.Tensor, centroids: torch.Tensor) -> Assignment:
    """Nearest centroid of each point.

    Args:
        points: float (N, D), all in one product: call it with chunks.
        centroids: float32 (K, D), on the same device.
    """
    values = points.float()
    scores = values @ centroids.T - 0.5 * centroids.square().sum(dim=1)  # the larger, the nearer
    best, labels = scores.max(dim=1)
    return Assignment(labels, (values.square().sum(dim=1) - 2 * best).clamp(min=0))


def assign(points: torch.Tensor, centroids: torch.Tensor) -> Assignment:
    """`nearest` in chunks."""
    parts = [nearest(chunk, centroids) for chunk in _chunks(points)]
    return Assignment(torch.cat([part.labels for part in parts]), torch.cat([part.squared for part in parts]))


def objective(assignment: Assignment, group: distributed.ProcessGroup | None = None) -> float:
    """Mean squared distance over all points of all ranks, in float64."""
    squared = assignment.squared.double()
    total = torch.stack([squared.sum(), torch.ones_like(squared).sum()])
    if group is not None:
        distributed.all_reduce(total, group=group)
    return float(total[0] / total[1])


def _chunks(points: torch.Tensor) -> Iterator[torch.Tensor]:
    for part in chunks(len(points)):
        yield points[part]


def _means(sums: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Means of clusters; empty ones split the largest."""
    means = (sums / counts.clamp(min=1).unsqueeze(1)).float()
    sizes = counts.clone()
    signs = torch.ones(means.shape[1], device=means.device)
    signs[::2] = -1
    for empty in torch.nonzero(counts == 0).flatten().tolist():
        largest = int(sizes.argmax())
        means[empty] = means[largest] * (1 + _NUDGE * signs)
        means[largest] = means[largest] * (1 - _NUDGE * signs)
        sizes[largest] = sizes[empty] = sizes[largest] / 2
    return means
