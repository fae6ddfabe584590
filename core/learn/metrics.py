"""How much two labellings agree, and how healthy a clustering is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from core.learn.matching import contingency

Labels = npt.NDArray[np.int32]
SAMPLE = 500_000


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
    mean = (entropy(np.asarray(table.sum(axis=1)).ravel()) + entropy(np.asarray(table.sum(axis=0)).ravel())) / 2
    joint = entropy(table.data)
    return 1.0 if mean == 0 else max(0.0, (2 * mean - joint) / mean)


def ami(first: Labels, second: Labels, rng: np.random.Generator) -> float:
    """Mutual information corrected for chance (arithmetic mean), on at most 500,000 sampled tiles."""
    both = _sampled(first, second, rng)
    return float(adjusted_mutual_info_score(first[both], second[both]))


def ari(first: Labels, second: Labels, rng: np.random.Generator) -> float:
    """Adjusted Rand index, on at most 500,000 sampled tiles."""
    both = _sampled(first, second, rng)
    return float(adjusted_rand_score(first[both], second[both]))


def _sampled(first: Labels, second: Labels, rng: np.random.Generator) -> npt.NDArray[np.int64]:
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
