"""Features that see a tile's surroundings: the mean with the tiles that touch it on its slide.

For people who want regions. Off by default: it makes neighbours alike by construction, so that figures of spatial
coherence judge nothing after it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.tiles.store import TileIndex

_AROUND = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0)]


def neighbours(index: TileIndex) -> npt.NDArray[np.int64]:
    """The up to eight tiles that touch each tile on its slide.

    Args:
        index: where tiles lie.

    Returns:
        int64 (N, 8), tile numbers; -1 where there is none.
    """
    slide = index.slide.astype(np.int64)
    step = np.maximum(_steps(index), 1)
    column, row = np.rint(index.x0 / step).astype(np.int64), np.rint(index.y0 / step).astype(np.int64)
    keys = _key(slide, column, row)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    found = np.full((len(keys), len(_AROUND)), -1, np.int64)
    for place, (right, down) in enumerate(_AROUND):
        wanted = _key(slide, column + right, row + down)
        at = np.searchsorted(ordered, wanted).clip(0, max(len(keys) - 1, 0))
        there = ordered[at] == wanted if len(keys) else np.zeros(0, bool)
        found[there, place] = order[at[there]]
    return found


def with_context(
    features: npt.NDArray[np.float32], near: npt.NDArray[np.int64], whole: npt.NDArray[np.float16]
) -> npt.NDArray[np.float32]:
    """Means of tiles and their neighbours.

    Args:
        features: float32 (n, D), of some tiles.
        near: int64 (n, 8), their neighbours, -1 = none.
        whole: float16 (N, D), of all tiles; rows of NaN do not count.
    """
    total, count = features.copy(), np.ones((len(features), 1), np.float32)
    for column in near.T:
        beside = np.asarray(whole[np.maximum(column, 0)], np.float32)
        counts = ((column >= 0) & np.isfinite(beside).all(axis=1))[:, None]
        total += np.where(counts, beside, 0)
        count += counts
    return total / count


def _steps(index: TileIndex) -> npt.NDArray[np.float64]:
    """Distance of the grid's columns on the slide of each tile, in level-0 px: the smallest difference that occurs."""
    steps = np.zeros(len(index.slide))
    for slide in np.unique(index.slide):
        own = index.slide == slide
        gaps = np.concatenate([np.diff(np.unique(axis[own])) for axis in (index.x0, index.y0)])
        side = float(index.side0[own].min())
        gaps = gaps[gaps >= side / 4]  # tiles of another grid lie between
        steps[own] = min(side, float(gaps.min())) if len(gaps) else side
    return steps


def _key(
    slide: npt.NDArray[np.int64], column: npt.NDArray[np.int64], row: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    return (slide << 42) + ((column + 1) << 21) + (row + 1)
