"""How many clusters: what a clusterer found, or the number asked for, reached from above; and what was done, in words.

Two rules beside the clusterer's own count, both read off frozen features of two labelled sets (benchmarks/quality.py,
part clusterers). *Guard*: when the largest cluster holds more than 35 % of all tiles, the clusterer's dial is turned
finer until it does not; RCC's links tend to run together into one such cluster, whose tiles then share one name. *From
above*: fewer clusters are reached by Ward's merges, more by turning the dial finer until there are enough and merging
what is too much; a clusterer without a dial has its clusters cut into k-means cells first. Halving the largest cluster
is the last resort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tessera.learn.cluster.base import Finer, Found, Labels, Points
from tessera.learn.cluster.lloyd import lloyd, nearest_rows
from tessera.learn.cluster.sizes import by_size, fold, merge
from tessera.learn.cluster.vectors import Masses

DOMINANT = 0.35  # share of one cluster above which the dial is turned
_TURNS = 40
_SMALLEST_TURN, _LARGEST_TURN = 0.85, 0.5  # factors of one step of the dial
_LEAST_SHARE = 0.01  # of the granularity found at first
_HOLD = 0.5  # of all tiles must be in clusters of fair size, or a finer partition is dust
_CELL_ITERATIONS = 20


@dataclass(frozen=True)
class Counted:
    """A partition whose number of clusters is settled.

    Attributes:
        labels: int32 (M,), 0..K-1, largest first.
        folded: tiny clusters of what was found whose points went to the nearest large one.
        how: what was found and done, in words.
        figures: clusters_found and largest_found of the free partition, before the guard and any merging; dial_share.
    """

    labels: Labels
    folded: int
    how: str
    figures: dict[str, float]


def count(
    points: Points,
    found: Found,
    wanted: int | None,
    least: int,
    *,
    masses: Masses | None = None,
    rng: np.random.Generator,
) -> Counted:
    """Settle the number of clusters.

    Args:
        points: (M, D).
        found: by the clusterer, noise and tiny clusters allowed.
        wanted: clusters asked for; None keeps the count free.
        least: tiles that a cluster must have.
        masses: int64 (M,), tiles of each point; one each if None.
        rng: random generator for cells and halves.
    """
    weights = np.ones(len(points), np.int64) if masses is None else masses
    free, folded = fold(points, found.labels, least, weights)
    figures = {"clusters_found": float(free.max() + 1), "largest_found": _largest(free, weights)}
    how = _counted(free, weights)
    labels, share = _guarded(found, least, weights)
    if share < 1:
        free, folded = fold(points, labels, least, weights)
        how += f"; the dial turned finer (x {share:.2f}): {_counted(free, weights)}"
    if wanted is not None and free.max() + 1 != wanted:
        start = Found(labels, found.finer)
        free, share, steps = reach(points, start, wanted, least, share=share, masses=weights, rng=rng)
        how += f"; {steps}"
    return Counted(free, folded, how, {**figures, "dial_share": share})


def reach(
    points: Points,
    found: Found,
    k: int,
    least: int,
    *,
    share: float = 1.0,
    masses: Masses | None = None,
    rng: np.random.Generator,
) -> tuple[Labels, float, str]:
    """Bring a partition to `k` clusters of at least `least` tiles, from above.

    Args:
        points: (M, D).
        found: labels int32 (M,), -1 = noise, not folded yet, and the dial.
        k: clusters wanted.
        least: tiles that a cluster must have; halves may have fewer.
        share: position of the dial that made the labels.
        masses: int64 (M,), tiles of each point; one each if None.
        rng: random generator for cells and halves.

    Returns:
        int32 (M,) labels 0..K-1, largest first (K is below k only when there are fewer distinct points); the position
        of the dial; what was done.
    """
    weights = np.ones(len(points), np.int64) if masses is None else masses
    labels, steps = found.labels, []
    n = _large(labels, least, weights)
    if n < k and found.finer is not None:
        labels, share, n = _finer(found.finer, labels, share, k, least, weights)
        steps.append(f"the dial turned finer (x {share:.2f}): {n} clusters")
    if n < k:
        labels = _cells(points, labels, k, weights, rng)
        steps.append(f"cut into {int(labels.max()) + 1} k-means cells")
    out = merge(points, labels, k, least, weights)
    while out.max() + 1 < k:
        halved = _halve_largest(points, out, rng)
        if halved is None:
            steps.append(f"only {int(out.max()) + 1} of {k} clusters, because tiles are identical")
            break
        out = by_size(halved, weights)
    steps.append(f"merged to {int(out.max()) + 1} by Ward")
    return out, share, "; ".join(steps)


def _guarded(found: Found, least: int, masses: Masses) -> tuple[Labels, float]:
    """Labels at the coarsest position of the dial at which no cluster is dominant, or as found when there is none."""
    labels, share = found.labels, 1.0
    if found.finer is None or _largest(labels, masses) <= DOMINANT:
        return labels, 1.0
    for _ in range(_TURNS):
        share *= _SMALLEST_TURN
        if share < _LEAST_SHARE:
            break
        labels = found.finer(share)
        if _held(labels, least, masses) < _HOLD:
            break
        if _largest(labels, masses) <= DOMINANT:
            return labels, share
    return found.labels, 1.0


def _finer(finer: Finer, labels: Labels, share: float, k: int, least: int, masses: Masses) -> tuple[Labels, float, int]:
    """The first position of the dial with `k` clusters of fair size, or the one with most of them."""
    best, best_share, most = labels, share, _large(labels, least, masses)
    n = most
    for _ in range(_TURNS):
        share *= float(np.clip(n / k, _LARGEST_TURN, _SMALLEST_TURN))
        found = finer(share)
        n = _large(found, least, masses)
        if n > most:
            best, best_share, most = found, share, n
        if n >= k or share < _LEAST_SHARE or _held(found, least, masses) < _HOLD:
            break
    return best, best_share, most


def _cells(points: Points, labels: Labels, k: int, masses: Masses, rng: np.random.Generator) -> Labels:
    """Every cluster cut into k-means cells by its share of the tiles, at least 4k in all if points suffice."""
    whole, _ = fold(points, labels, 1, masses)
    out = np.empty(len(whole), np.int32)
    total, offset = _cells_wanted(k), 0
    for cluster in range(int(whole.max()) + 1):
        members = np.flatnonzero(whole == cluster)
        inside = np.ascontiguousarray(points[members], np.float32)
        n = min(len(members), max(1, round(total * masses[members].sum() / masses.sum())))
        seed = int(rng.integers(1, 2**31 - 1))
        rows = nearest_rows(inside, lloyd(inside, n, seed=seed, iterations=_CELL_ITERATIONS))[0] if n > 1 else 0
        used, cell = np.unique(np.broadcast_to(rows, len(members)), return_inverse=True)
        out[members] = offset + cell
        offset += len(used)
    return out


def _cells_wanted(k: int) -> int:
    """4 k of few clusters, 2 k of many."""
    return max(2 * k, min(4 * k, k + 20))


def _halve_largest(points: Points, labels: Labels, rng: np.random.Generator) -> Labels | None:
    """The largest cluster that is not all one point, in two by 2-means; None when there is none."""
    for cluster in np.argsort(-np.bincount(labels), kind="stable"):
        members = np.flatnonzero(labels == cluster)
        inside = np.ascontiguousarray(points[members], np.float32)
        other = (inside != inside[0]).any(axis=1)
        if not other.any():
            continue
        start = inside[[0, int(rng.choice(np.flatnonzero(other)))]]
        halves, _ = nearest_rows(inside, lloyd(inside, 2, seed=1, iterations=_CELL_ITERATIONS, start=start))
        if halves.min() == halves.max():
            halves = other.astype(np.int64)
        out = labels.copy()
        out[members[halves == 1]] = labels.max() + 1
        return out
    return None


def _sizes(labels: Labels, masses: Masses) -> np.ndarray:
    known = labels >= 0
    return np.bincount(labels[known], masses[known], minlength=1)


def _large(labels: Labels, least: int, masses: Masses) -> int:
    """Clusters of at least `least` tiles."""
    return int((_sizes(labels, masses) >= least).sum())


def _held(labels: Labels, least: int, masses: Masses) -> float:
    """Share of all tiles that are in such clusters."""
    sizes = _sizes(labels, masses)
    return float(sizes[sizes >= least].sum() / masses.sum())


def _largest(labels: Labels, masses: Masses) -> float:
    """Share of all tiles in the largest cluster."""
    return float(_sizes(labels, masses).max() / masses.sum())


def _counted(labels: Labels, masses: Masses) -> str:
    n = int(labels.max()) + 1
    return f"{n} cluster{'s' if n != 1 else ''}, the largest with {_largest(labels, masses):.0%} of the tiles"
