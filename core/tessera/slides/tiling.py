"""The grid of a slide: which squares there are, which the tissue mask covers, which the cap lets through."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

_ROUNDING = 1e-6  # of a step: 2.1 / 0.7 is a little more than 3, and a slide of whole tiles must not lose its last ones


@dataclass(frozen=True)
class Grid:
    """Squares of equal physical size from the slide's upper left corner.

    Those over the right and lower edge are left out.

    Attributes:
        rows: number of rows.
        columns: number of columns.
        step0: distance of neighbours in level-0 pixels, not rounded.
        side0: side in level-0 pixels.
    """

    rows: int
    columns: int
    step0: float
    side0: int

    def x0(self, column: int) -> int:
        """Left edge of a column in level-0 pixels."""
        return round(column * self.step0)

    def y0(self, row: int) -> int:
        """Upper edge of a row in level-0 pixels."""
        return round(row * self.step0)


def plan_grid(width: int, height: int, *, scale: float, tile_px: int, overlap_px: int) -> Grid:
    """Lay the grid over a slide.

    Args:
        width: width of level 0, pixels.
        height: height of level 0, pixels.
        scale: level-0 pixels per tile pixel (wanted mpp over the slide's).
        tile_px: side of a tile.
        overlap_px: pixels that neighbours share.
    """
    side0 = max(1, round(tile_px * scale))
    step0 = (tile_px - overlap_px) * scale
    columns, rows = (
        math.floor((extent - side0) / step0 + _ROUNDING) + 1 if extent >= side0 else 0 for extent in (width, height)
    )
    return Grid(rows, columns, step0, side0)


def tissue_share(grid: Grid, mask: npt.NDArray[np.bool_], width: int, height: int) -> npt.NDArray[np.float32]:
    """Share of each square that the mask covers, by one integral image.

    Args:
        grid: the grid.
        mask: bool (h, w), tissue on the thumbnail.
        width: width of level 0, pixels.
        height: height of level 0, pixels.

    Returns:
        float32 (rows, columns), 0-1.
    """
    sums = cv2.integral(mask.astype(np.uint8))
    scale_y, scale_x = mask.shape[0] / height, mask.shape[1] / width
    top = np.round(np.arange(grid.rows) * grid.step0) * scale_y
    left = np.round(np.arange(grid.columns) * grid.step0) * scale_x
    y_from, y_to = _span(top, grid.side0 * scale_y, mask.shape[0])
    x_from, x_to = _span(left, grid.side0 * scale_x, mask.shape[1])
    inside = (
        sums[np.ix_(y_to, x_to)]
        - sums[np.ix_(y_from, x_to)]
        - sums[np.ix_(y_to, x_from)]
        + sums[np.ix_(y_from, x_from)]
    )
    area = (y_to - y_from)[:, None] * (x_to - x_from)[None, :]
    return (inside / area).astype(np.float32)


def _span(
    start: npt.NDArray[np.float64], length: float, limit: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First and last mask pixel of each interval, at least one pixel wide."""
    first = np.clip(np.floor(start), 0, limit - 1).astype(np.int64)
    last = np.clip(np.round(start + length), first + 1, limit).astype(np.int64)
    return first, last


def choose_capped(positions: npt.NDArray[np.int64], cap: int, slide_sha256: str) -> npt.NDArray[np.int64]:
    """The same `cap` positions of a slide every time, spread at random.

    Each position has a rank from the hash of the slide's bytes and its own number, so the choice depends neither on
    the order of slides nor on the machine, and a larger cap only adds positions.

    Args:
        positions: grid numbers, (M,).
        cap: how many to choose; 0 chooses all.
        slide_sha256: hash of the slide's bytes.

    Returns:
        Chosen grid numbers, ascending.
    """
    if not cap or len(positions) <= cap:
        return positions
    seed = int.from_bytes(hashlib.sha256(slide_sha256.encode()).digest()[:8], "little")
    ranks = _mix(positions.astype(np.uint64) + np.uint64(seed))
    return np.sort(positions[np.argsort(ranks, kind="stable")[:cap]])


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64 (Steele et al. 2014): a bijection that scatters neighbouring numbers."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
