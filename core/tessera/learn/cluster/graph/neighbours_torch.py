"""k nearest neighbours in torch: brute force in blocks, and by cells where brute force is too much; on any device.

By cells: k-means cells of a few hundred points; all points of a cell are compared with all points of the cells whose
centroids are nearest to its own, in one matrix product. This is an inverted file searched cell by cell instead of query
by query, which suits a GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

POINTS_PER_CELL = 512
PROBES = 24
_BLOCK_BYTES = 256 << 20
_ITERATIONS = 8
_SAMPLE_PER_CELL = 64

Points = npt.NDArray[np.float32]
Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]


def brute_force(rows: Points, queries: Points, k: int, device: str) -> Found:
    """The k nearest of `rows` for every query, by matrix products; queries and candidates in blocks of bounded memory.

    Returns:
        int64 (Q, k) and squared distances float32 (Q, k), nearest first.
    """
    base = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    lengths = (base**2).sum(dim=1)
    width = min(len(rows), 1 << 17)
    height = max(1, _BLOCK_BYTES // (4 * width))
    ids, squared = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries), height):
        query = torch.from_numpy(np.ascontiguousarray(queries[start : start + height])).to(device)
        best: tuple[Any, Any] | None = None
        for left in range(0, len(rows), width):
            part = base[left : left + width]
            distance = torch.addmm(lengths[left : left + width], query, part.T, alpha=-2)
            values, columns = torch.topk(distance, min(k, len(part)), dim=1, largest=False)
            best = _merge(best, (values, columns + left), k)
        assert best is not None
        squared[start : start + height] = (best[0] + (query**2).sum(dim=1, keepdim=True)).cpu().numpy()
        ids[start : start + height] = best[1].cpu().numpy()
    return ids, squared


def by_cells(rows: Points, k: int, device: str, seed: int = 0) -> Found:
    """The k nearest of `rows` for each of them, approximately; -1 where the probed cells hold fewer.

    Args:
        rows: float32 (N, D).
        k: neighbours, the point itself among them.
        device: cpu or cuda.
        seed: of the cells.
    """
    base = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    centroids = _cells(base, max(1, len(rows) // POINTS_PER_CELL), seed)
    owner = _nearest(base, centroids)
    order = torch.argsort(owner, stable=True)
    sizes = torch.bincount(owner, minlength=len(centroids))
    ends = torch.cumsum(sizes, 0)
    bounds = torch.stack([ends - sizes, ends], dim=1).cpu().numpy()
    probes = min(PROBES, len(centroids))
    near, _ = brute_force(centroids.cpu().numpy(), centroids.cpu().numpy(), probes, device)
    ids = torch.full((len(rows), k), -1, dtype=torch.int64, device=device)
    squared = torch.full((len(rows), k), float("inf"), device=device)
    lengths = (base**2).sum(dim=1)
    for cell in np.flatnonzero(bounds[:, 1] > bounds[:, 0]):
        queries = order[bounds[cell, 0] : bounds[cell, 1]]
        others = torch.cat([order[bounds[other, 0] : bounds[other, 1]] for other in near[cell]])
        candidates, far = base[others], lengths[others]
        take = min(k, len(others))
        height = max(1, _BLOCK_BYTES // (4 * len(others)))
        for start in range(0, len(queries), height):
            own = queries[start : start + height]
            distance = torch.addmm(far, base[own], candidates.T, alpha=-2)
            values, columns = torch.topk(distance, take, dim=1, largest=False)
            squared[own, :take] = values + lengths[own][:, None]
            ids[own, :take] = others[columns]
    return ids.cpu().numpy(), squared.cpu().numpy()


def _cells(base: torch.Tensor, n: int, seed: int) -> torch.Tensor:
    """Centroids of k-means on a sample; cells that run empty keep their place."""
    draw = np.random.default_rng(seed)
    rows = np.sort(draw.choice(len(base), min(len(base), n * _SAMPLE_PER_CELL), replace=False))
    sample = base[torch.from_numpy(rows).to(base.device)]
    centroids = sample[torch.from_numpy(np.sort(draw.choice(len(sample), n, replace=False))).to(base.device)].clone()
    for _ in range(_ITERATIONS):
        owner = _nearest(sample, centroids)
        order = torch.argsort(owner, stable=True)  # sums in one order: index_add on a GPU has none
        sizes = torch.bincount(owner, minlength=n)
        sums = torch.segment_reduce(sample[order], "sum", lengths=sizes, axis=0)
        kept = sizes > 0
        centroids[kept] = sums[kept] / sizes[kept][:, None]
    return centroids


def _nearest(points: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
    """Nearest centroid of every point, int64 (n,)."""
    lengths = (centroids**2).sum(dim=1)
    height = max(1, _BLOCK_BYTES // (4 * len(centroids)))
    parts = [
        torch.addmm(lengths, points[start : start + height], centroids.T, alpha=-2).argmin(dim=1)
        for start in range(0, len(points), height)
    ]
    return torch.cat(parts)


def _merge(best: tuple[Any, Any] | None, fresh: tuple[Any, Any], k: int) -> tuple[Any, Any]:
    """The k smallest of two lists of (values, ids)."""
    if best is None:
        return fresh
    values, ids = torch.cat([best[0], fresh[0]], dim=1), torch.cat([best[1], fresh[1]], dim=1)
    smallest, places = torch.topk(values, min(k, values.shape[1]), dim=1, largest=False)
    return smallest, torch.gather(ids, 1, places)
