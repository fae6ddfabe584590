"""Oblong pixels made square: a reader whose regions are counted in pixels of the finer side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tessera.slides.reader import Pixels

Image = npt.NDArray[np.uint8]


class StretchedPixels:
    """Regions of a level whose stored pixels are oblong.

    Args:
        pixels: reads stored pixels.
        stretch: square pixels for each stored one, across and down; one of them is 1.
    """

    def __init__(self, pixels: Pixels, stretch: tuple[float, float]) -> None:
        self._pixels, self._stretch = pixels, stretch

    def read(self, x: int, y: int, width: int, height: int) -> Image:
        """Region in square pixels of the level, uint8 (height, width, 3)."""
        across, down = self._stretch
        left, top = math.floor(x / across), math.floor(y / down)
        right, bottom = math.ceil((x + width) / across), math.ceil((y + height) / down)
        stored = self._pixels.read(left, top, right - left, bottom - top)
        size = (round(stored.shape[1] * across), round(stored.shape[0] * down))
        square = np.asarray(cv2.resize(stored, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        from_x, from_y = x - round(left * across), y - round(top * down)
        return np.ascontiguousarray(square[from_y : from_y + height, from_x : from_x + width])

    def fork(self) -> StretchedPixels:
        """A reader for another thread."""
        return StretchedPixels(self._pixels.fork(), self._stretch)

    def close(self) -> None:
        """Give resources back."""
        self._pixels.close()
