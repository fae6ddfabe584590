"""Do clusters form regions on slides? Tiles that touch, compared with chance; needs no labels.

Join counts after Cliff and Ord, "Spatial Processes" (1981), under permutation of the tiles of each slide (non-free
sampling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.tiles.store import TileIndex

Labels = npt.NDArray[np.int32]
Pairs = npt.NDArray[np.int64]

_SMALLEST_STEP = 0.25  # of a tile's side: the least distance of two columns of the grid


@dataclass(frozen=True)
class Coherence:
    """How far touching tiles share a cluster.

    Attributes:
        coherence: (share - chance) / (1 - chance); 0 = confetti, 1 = every slide is in regions without a border.
        share: of touching pairs that are in one cluster.
        chance: the same when the tiles of each slide are shuffled.
        pairs: touching pairs.
    """

    coherence: float
    share: float
    chance: float
    pairs: int


@dataclass(frozen=True)
class Joins:
    """Join counts of one cluster.

    Attributes:
        cluster: its id.
        joins: touching pairs of which both are in it.
        expected: the same by chance.
        z: how many standard deviations above chance; 0 where there is nothing to vary.
    """

    cluster: int
    joins: int
    expected: float
    z: float


def touching(index: TileIndex) -> Pairs:
    """Pairs of tiles that share a side, each once, int64 (P, 2); ready-made tiles without a place touch none.

    Args:
        index: where tiles lie.
    """
    column, row = _grid(index.slide, index.x0, index.side0), _grid(index.slide, index.y0, index.side0)
    span = int(max(column.max(initial=0), row.max(initial=0))) + 2
    code = (index.slide.astype(np.int64) * span + row) * span + column
    order = np.argsort(code, kind="stable")
    known = code[order]
    crowded = np.isin(code, known[1:][known[1:] == known[:-1]])  # several tiles at one place: not cut from a grid
    found = []
    for step in (1, span):  # right, down
        place = np.searchsorted(known, code + step).clip(max=max(len(known) - 1, 0))
        touches = np.flatnonzero((known[place] == code + step) & ~crowded & ~crowded[order[place]])
        found.append(np.stack([touches, order[place[touches]]], axis=1))
    return np.concatenate(found)


def coherence(labels: Labels, slides: npt.NDArray[np.integer], pairs: Pairs) -> Coherence | None:
    """Share of touching tiles in one cluster above what chance gives within slides.

    Args:
        labels: int32 (N,), -1 = no cluster.
        slides: int (N,).
        pairs: int64 (P, 2), see `touching`.

    Returns:
        None when no two tiles with a cluster touch.
    """
    pairs = _both_known(labels, pairs)
    if not len(pairs):
        return None
    share = float((labels[pairs[:, 0]] == labels[pairs[:, 1]]).mean())
    chance = 0.0
    for slide, n_pairs in zip(*np.unique(slides[pairs[:, 0]], return_counts=True), strict=True):
        sizes = np.bincount(labels[(slides == slide) & (labels >= 0)]).astype(np.float64)
        chance += n_pairs / len(pairs) * _falling(sizes, 2).sum() / float(_falling(sizes.sum(), 2))
    return Coherence(float((share - chance) / max(1 - chance, 1e-12)), share, float(chance), len(pairs))


def join_counts(labels: Labels, slides: npt.NDArray[np.integer], pairs: Pairs) -> list[Joins]:
    """Touching pairs inside every cluster, beside what chance gives within slides, by id.

    Args:
        labels: int32 (N,), -1 = no cluster.
        slides: int (N,).
        pairs: int64 (P, 2).
    """
    pairs = _both_known(labels, pairs)
    ids = np.unique(labels[labels >= 0])
    joins, expected, variance = np.zeros(len(ids)), np.zeros(len(ids)), np.zeros(len(ids))
    for slide in np.unique(slides[pairs[:, 0]]) if len(pairs) else ():
        own = pairs[slides[pairs[:, 0]] == slide]
        member = labels[(slides == slide) & (labels >= 0)]
        sizes = np.bincount(np.searchsorted(ids, member), minlength=len(ids)).astype(np.float64)
        inside = labels[own[:, 0]][labels[own[:, 0]] == labels[own[:, 1]]]
        joins += np.bincount(np.searchsorted(ids, inside), minlength=len(ids))
        mean, spread = _chance_joins(sizes, len(member), own)
        expected, variance = expected + mean, variance + spread
    z = np.divide(joins - expected, np.sqrt(variance), out=np.zeros(len(ids)), where=variance > 1e-12)
    return [Joins(int(i), int(j), float(e), float(s)) for i, j, e, s in zip(ids, joins, expected, z, strict=True)]


def _chance_joins(
    sizes: npt.NDArray[np.float64], n: int, pairs: Pairs
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and variance of the joins inside each cluster of one slide (Cliff and Ord 1981, eq. 1.33 and 1.36)."""
    degrees = np.unique(pairs, return_counts=True)[1].astype(np.float64)
    n_pairs, meeting = float(len(pairs)), float((degrees * (degrees - 1)).sum())  # meeting: ordered pairs with one tile
    p2, p3, p4 = (_falling(sizes, m) / max(float(_falling(n, m)), 1.0) for m in (2, 3, 4))
    mean = n_pairs * p2
    variance = mean + meeting * p3 + (n_pairs * (n_pairs - 1) - meeting) * p4 - mean**2
    return mean, np.maximum(variance, 0)


def _falling(n: npt.NDArray[np.float64] | float, m: int) -> npt.NDArray[np.float64]:
    """N (n - 1) ... (n - m + 1)."""
    out = np.ones_like(np.asarray(n, np.float64))
    for step in range(m):
        out = out * np.maximum(np.asarray(n, np.float64) - step, 0)
    return out


def _grid(
    slides: npt.NDArray[np.int32], place: npt.NDArray[np.int32], side: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """Number of the column (or row) of every tile in the grid of its slide, int64 (N,)."""
    out = np.zeros(len(place), np.int64)
    order = np.argsort(slides, kind="stable")
    starts = np.flatnonzero(np.diff(slides[order], prepend=-1))
    for own in np.split(order, starts[1:]):
        if not len(own):
            continue
        values = np.unique(place[own])
        gaps = np.diff(values)
        gaps = gaps[gaps >= max(_SMALLEST_STEP * float(side[own].max()), 1)]
        step = float(gaps.min()) if len(gaps) else max(float(side[own].max()), 1.0)
        out[own] = np.round((place[own] - values[0]) / step)
    return out


def _both_known(labels: Labels, pairs: Pairs) -> Pairs:
    return pairs[(labels[pairs] >= 0).all(axis=1)]
