"""k nearest neighbours of every point: faiss by size, or torch where faiss is absent or a GPU is asked for.

The recall of an approximate index is measured on a sample against brute force, because RCC degrades quietly when it is
low (reference/rcc.md, section 4: .976 costs nothing, .47 costs .30 AMI).
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.errors import ConfigError
from tessera.learn.cluster.vectors import chunks, unit_rows

logger = logging.getLogger(__name__)

METHODS = ("auto", "flat", "ivf", "hnsw", "torch", "torch-cells")
METRICS = ("cosine", "euclidean")
FLAT_LIMIT = 50_000  # points; above, brute force costs more than training an index
RECALL_WARNING = 0.8
_SAMPLE = 500
_PROBES = 16
_MAX_PROBES = 256
_TORCH_LIMIT = {"cpu": 50_000, "cuda": 500_000}  # points to which brute force in torch is worth its time

Points = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Neighbours:
    """The k nearest other points of every point.

    Attributes:
        ids: int32 (N, k), nearest first; -1 where an approximate index found fewer.
        distances: float32 (N, k): 1 - cosine, or the Euclidean length.
        method: flat, ivf, hnsw, torch or torch-cells.
        recall: share of true neighbours found, sampled; 1 for exact methods.
    """

    ids: Ids
    distances: npt.NDArray[np.float32]
    method: str
    recall: float


def nearest(
    points: Points,
    k: int,
    *,
    metric: str = "cosine",
    method: str = "auto",
    device: str = "cpu",
    threads: int = 0,
    seed: int = 0,
) -> Neighbours:
    """Find the k nearest other points of every point.

    Args:
        points: float32 (N, D), finite.
        k: 1 to N-1.
        metric: cosine or euclidean.
        method: auto takes flat to 50,000 points and ivf above; where faiss is absent or `device` is a GPU, torch (brute
            force; to 500,000 points on a GPU) and torch-cells above. HNSW is offered, not chosen: its graph depends on
            the order in which threads insert, so a run could not be repeated.
        device: cpu, cuda or cuda:N, for torch.
        threads: of faiss; 0 leaves its setting alone.
        seed: of index training and of the sample for the recall.

    Raises:
        ConfigError: an unknown metric or method, or k out of its bounds.
    """
    if metric not in METRICS or method not in METHODS:
        raise ConfigError(f"metric={metric}, method={method}: choose of {METRICS} and {METHODS}")
    if not 1 <= k < len(points):
        raise ConfigError(f"{k} neighbours of {len(points)} points: choose 1 to {len(points) - 1}")
    rows = unit_rows(points) if metric == "cosine" else np.ascontiguousarray(points, np.float32)
    chosen = _choose(method, len(rows), device)
    if chosen.startswith("torch"):
        found, squared = _torch_search(rows, k + 1, chosen, device, seed)
    else:
        found, squared = _faiss_search(rows, k + 1, chosen, threads, seed)
    ids, squared = _without_self(found, squared, k)
    distances = squared / 2 if metric == "cosine" else np.sqrt(squared)
    recall = 1.0 if chosen in ("flat", "torch") else sampled_recall(rows, ids, seed=seed, device=device)
    if recall < RECALL_WARNING:
        logger.warning("only %.0f %% of neighbours were found by %s: partitions suffer; use flat", 100 * recall, chosen)
    return Neighbours(ids, distances.astype(np.float32), chosen, recall)


def sampled_recall(points: Points, ids: Ids, *, sample: int = _SAMPLE, seed: int = 0, device: str = "cpu") -> float:
    """Share of the true Euclidean neighbours of sampled points that are in `ids`, by distance: ties count as found.

    Args:
        points: float32 (N, D), as searched.
        ids: int32 (N, k).
        sample: points to check.
        seed: of the sample.
        device: where the brute force is done.
    """
    from tessera.learn.cluster.graph.neighbours_torch import brute_force

    k = ids.shape[1]
    rows = np.sort(np.random.default_rng(seed).choice(len(points), min(sample, len(points)), replace=False))
    exact, squared = brute_force(points, points[rows], k + 1, device)
    _, squared = _without_self(exact, squared, k, rows)
    found = ids[rows]
    own = ((points[found.clip(0)] - points[rows][:, None]) ** 2).sum(axis=2)
    slack = 1e-5 * np.maximum(squared[:, -1:], 1e-6) + 1e-6
    return float(((own <= squared[:, -1:] + slack) & (found >= 0)).mean())


def has_faiss() -> bool:
    """Whether faiss can be imported."""
    return importlib.util.find_spec("faiss") is not None


def _choose(method: str, n: int, device: str) -> str:
    if method != "auto":
        return method
    if device != "cpu" or not has_faiss():
        return "torch" if n <= _TORCH_LIMIT[device.partition(":")[0]] else "torch-cells"
    return "flat" if n <= FLAT_LIMIT else "ivf"


def _without_self(
    ids: npt.NDArray[np.integer[Any]], squared: npt.NDArray[np.floating[Any]], k: int, rows: Any = None
) -> tuple[Ids, npt.NDArray[np.float32]]:
    """Drop each point from its own list (among duplicates it need not come first), or else the farthest entry."""
    own = ids == (np.arange(len(ids)) if rows is None else rows)[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(ids), k)
    return ids[~own].reshape(shape).astype(np.int32), np.maximum(squared[~own].reshape(shape), 0).astype(np.float32)


def _torch_search(
    rows: Points, k: int, method: str, device: str, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    from tessera.learn.cluster.graph.neighbours_torch import brute_force, by_cells

    return brute_force(rows, rows, k, device) if method == "torch" else by_cells(rows, k, device, seed)


def _faiss_search(
    rows: Points, k: int, method: str, threads: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    import faiss

    if threads:
        faiss.omp_set_num_threads(threads)
    index = _faiss_index(rows, method, seed)
    index.add(rows)
    ids, squared = np.empty((len(rows), k), np.int64), np.empty((len(rows), k), np.float32)
    for part in chunks(len(rows)):
        squared[part], ids[part] = index.search(rows[part], k)
    while method == "ivf" and (ids < 0).any() and index.nprobe < _MAX_PROBES:  # cells too small to hold k points
        index.nprobe *= 2
        short = np.flatnonzero((ids < 0).any(axis=1))
        squared[short], ids[short] = index.search(rows[short], k)
    return ids, squared


def _faiss_index(rows: Points, method: str, seed: int) -> Any:
    import faiss

    n, dim = rows.shape
    if method == "flat":
        return faiss.IndexFlatL2(dim)
    if method == "hnsw":
        index: Any = faiss.IndexHNSWFlat(dim, 32)
        index.hnsw.efConstruction, index.hnsw.efSearch = 80, 64
        return index
    cells = max(1, min(int(4 * np.sqrt(n)), n // 10))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(dim), dim, cells)
    index.cp.niter, index.cp.seed = 10, 1 + seed
    index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = 64, 1
    index.train(rows)
    index.nprobe = min(_PROBES, cells)
    return index
