"""How much two labellings agree, and how healthy a clustering is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import gammaln
from sklearn.metrics import adjusted_rand_score

from tessera.learn.cluster.identity import contingency

Labels = npt.NDArray[np.int32]
SAMPLE = 500_000
_EPSILON = float(np.finfo(np.float64).eps)  # what is divided by at least


def entropy(counts: npt.NDArray[np.floating | np.integer]) -> float:
    """Entropy in nats of a distribution given by counts."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def nmi(first: Labels, second: Labels) -> float:
    """Normalised mutual information with the arithmetic mean of the entropies (scikit-learn's default), 0-1.

    Args:
        first: int32 (N,), -1 = not counted.
        second: int32 (N,), -1 = not counted.

    Returns:
        1 when both put all tiles into one cluster, as scikit-learn defines it.
    """
    table = contingency(first, second)
    rows, columns = _sizes(table)
    mean = (entropy(rows) + entropy(columns)) / 2
    joint = entropy(table.data)
    return 1.0 if mean == 0 else max(0.0, (2 * mean - joint) / mean)


def ami(first: Labels, second: Labels, rng: np.random.Generator) -> float:
    """Mutual information corrected for chance (arithmetic mean), on at most 500,000 sampled tiles."""
    both = sampled(first, second, rng)
    table = contingency(first[both], second[both])
    rows, columns = _sizes(table)
    if len(rows) <= 1 and len(columns) <= 1:
        return 1.0  # as scikit-learn defines it
    mean = (entropy(rows) + entropy(columns)) / 2
    by_chance = expected_mutual_information(rows, columns)
    left = mean - by_chance
    shared = 2 * mean - entropy(table.data) - by_chance
    return shared / (max(left, _EPSILON) if left >= 0 else min(left, -_EPSILON))


def expected_mutual_information(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> float:
    """Mutual information of two labellings with these sizes by chance (Vinh, Epps and Bailey 2010, eq. 10), in nats.

    It depends on sizes alone: pairs of clusters of the same two sizes are counted once and not K^2 times, as
    scikit-learn does, whose figure it is otherwise. Cost: distinct sizes times the smaller number of tiles, for each
    labelling.

    Args:
        rows: int64 (K,), sizes of the clusters of one labelling, at least 1.
        columns: int64 (L,), of the other, with the same sum N.
    """
    n = int(rows.sum())
    factorial = gammaln(np.arange(n + 1) + 1.0)  # logarithms
    sizes, times = np.unique(columns, return_counts=True)
    whole = 0.0
    for a, a_times in zip(*np.unique(rows, return_counts=True), strict=True):
        least, most = np.maximum(1, a + sizes - n), np.minimum(a, sizes)
        spans = most - least + 1
        b = np.repeat(sizes, spans)
        overlap = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans - least, spans)
        chance = np.exp(
            factorial[a]
            + factorial[b]
            + factorial[n - a]
            + factorial[n - b]
            - factorial[n]
            - factorial[overlap]
            - factorial[a - overlap]
            - factorial[b - overlap]
            - factorial[n - a - b + overlap]
        )
        terms = overlap / n * np.log(n * overlap / (float(a) * b)) * chance
        whole += float(a_times) * float(terms @ np.repeat(times, spans))
    return whole


def _sizes(table: sp.csr_matrix) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sizes of the clusters of both labellings that have tiles."""
    rows, columns = (np.asarray(table.sum(axis=axis), np.int64).ravel() for axis in (1, 0))
    return rows[rows > 0], columns[columns > 0]


def ari(first: Labels, second: Labels, rng: np.random.Generator) -> float:
    """Adjusted Rand index, on at most 500,000 sampled tiles."""
    both = sampled(first, second, rng)
    return float(adjusted_rand_score(first[both], second[both]))


def sampled(first: Labels, second: Labels, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Tiles that both know."""
    both = np.flatnonzero((first >= 0) & (second >= 0))
    return rng.choice(both, SAMPLE, replace=False) if len(both) > SAMPLE else both


def size_figures(sizes: npt.NDArray[np.int64]) -> dict[str, float]:
    """Cluster count, share of the largest, quantiles of size and evenness.

    Args:
        sizes: int64 (K,), tiles per cluster.

    Returns:
        clusters, largest_share, size_p5, size_p50, size_p95, entropy_ratio (1 = all clusters of one size).
    """
    present = sizes[sizes > 0]
    p5, p50, p95 = np.percentile(present, [5, 50, 95])
    evenness = entropy(present) / np.log(len(present)) if len(present) > 1 else 0.0
    return {
        "clusters": float(len(present)),
        "largest_share": float(present.max() / present.sum()),
        "size_p5": float(p5),
        "size_p50": float(p50),
        "size_p95": float(p95),
        "entropy_ratio": evenness,
    }
