"""A slide as a pyramid of small JPEG tiles, the form in which viewers ask for it; read on request, nothing is stored.

The geometry is that of the Deep Zoom Image format (Microsoft, 2008): level 0 is one pixel, each level has twice the
size of the one before, the last has the size of the slide. A deviation: the coarse levels are cut from the overview
that ingest made, so that a slide without a pyramid of its own shows at once too.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import openslide
import simplejpeg

from tessera.errors import SlideError
from tessera.slides.reader import Pixels, Slide

TILE_PX = 254  # with one pixel of overlap on each side: 256
OVERLAP_PX = 1
CACHE_BYTES = 32 * 1024**2  # decoded pixels that OpenSlide keeps, per level in use
_QUALITY = 85
_MOST_SHRUNK = 16  # source pixels per shown pixel and axis; what needs more is put together from quarters

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Geometry:
    """Levels and tiles of a slide's pyramid.

    Attributes:
        width: of the slide, level-0 pixels. Slide levels count from the finest, those here from the coarsest.
        height: of the slide, level-0 pixels.
        tile_px: side of a tile without its overlap.
        overlap_px: pixels that a tile shares with each neighbour.
    """

    width: int
    height: int
    tile_px: int = TILE_PX
    overlap_px: int = OVERLAP_PX

    @property
    def n_levels(self) -> int:
        """How many levels; the last has the slide's size."""
        return (max(self.width, self.height) - 1).bit_length() + 1

    def downsample(self, level: int) -> int:
        """Slide pixels per pixel of a level, a power of two.

        Raises:
            ValueError: no such level.
        """
        if not 0 <= level < self.n_levels:
            raise ValueError(f"there is no level {level}: levels go from 0 to {self.n_levels - 1}")
        return 1 << (self.n_levels - 1 - level)

    def size(self, level: int) -> tuple[int, int]:
        """Width and height of a level, pixels."""
        by = self.downsample(level)
        return -(-self.width // by), -(-self.height // by)

    def grid(self, level: int) -> tuple[int, int]:
        """Columns and rows of tiles of a level."""
        width, height = self.size(level)
        return -(-width // self.tile_px), -(-height // self.tile_px)

    def box(self, level: int, column: int, row: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a tile with its overlap, in pixels of its level.

        Raises:
            ValueError: no such tile.
        """
        columns, rows = self.grid(level)
        if not (0 <= column < columns and 0 <= row < rows):
            raise ValueError(f"level {level} has {columns} x {rows} tiles, none at column {column}, row {row}")
        width, height = self.size(level)
        return (
            max(column * self.tile_px - self.overlap_px, 0),
            max(row * self.tile_px - self.overlap_px, 0),
            min((column + 1) * self.tile_px + self.overlap_px, width),
            min((row + 1) * self.tile_px + self.overlap_px, height),
        )


class DeepZoom:
    """An open slide that gives tiles; threads may share it.

    Args:
        path: the slide.
        overview: its stored overview (a JPEG of the whole slide); without it one is read from the slide when needed.

    Attributes:
        geometry: its levels and tiles.
        mpp: um per slide pixel as the file records it; None when it records none.

    Raises:
        SlideError: the slide is gone or cannot be opened.
    """

    def __init__(self, path: Path, overview: Path | None = None) -> None:
        self._slide = Slide(path, cache_bytes=CACHE_BYTES)
        self._overview_path = overview
        self._overview: Image | None = None
        self._readers: dict[int, tuple[Pixels, int, threading.Lock]] = {}
        self._lock = threading.Lock()
        self.geometry = Geometry(self._slide.width, self._slide.height)
        self.mpp = self._slide.mpp

    def close(self) -> None:
        """Close the file. No thread may be reading any more (see `tessera.slides.viewer.open_slides`)."""
        for pixels, _, _ in self._readers.values():
            pixels.close()
        self._readers.clear()
        self._slide.close()

    def tile(self, level: int, column: int, row: int) -> Image:
        """Pixels of a tile.

        Args:
            level: from 0, the coarsest.
            column: of tiles.
            row: of tiles.

        Returns:
            uint8 (height, width, 3), RGB; 256 x 256 inside of the slide, smaller at its edges.

        Raises:
            ValueError: no such tile.
            SlideError: these pixels of the slide do not decode.
        """
        left, top, right, bottom = self.geometry.box(level, column, row)
        by = self.geometry.downsample(level)
        if self.geometry.width <= self._whole().shape[1] * by:
            coarse = cv2.resize(self._whole(), self.geometry.size(level), interpolation=cv2.INTER_AREA)
            return np.ascontiguousarray(coarse[top:bottom, left:right], dtype=np.uint8)
        return self._checked((left, top, right, bottom), by)

    def jpeg(self, level: int, column: int, row: int) -> bytes:
        """A tile as JPEG (see `tile`)."""
        return bytes(simplejpeg.encode_jpeg(self.tile(level, column, row), quality=_QUALITY, colorspace="RGB"))

    def around(self, x0: int, y0: int, side0: int, times: float = 3, side_px: int = 384) -> Image:
        """A square of the slide with its surroundings.

        Args:
            x0: left edge of the square, level-0 pixels.
            y0: upper edge, level-0 pixels.
            side0: side, level-0 pixels.
            times: how much wider than the square the picture is; the square lies in its middle.
            side_px: side of the picture.

        Returns:
            uint8 (side_px, side_px, 3), RGB; white beyond the edges of the slide.

        Raises:
            SlideError: these pixels of the slide do not decode.
        """
        whole = side0 * times
        by = max(1, int(whole / side_px))
        side = max(1, round(whole / by))
        left, top = (round((edge + side0 / 2 - whole / 2) / by) for edge in (x0, y0))
        box = (
            max(left, 0),
            max(top, 0),
            min(left + side, self.geometry.width // by),
            min(top + side, self.geometry.height // by),
        )
        canvas = np.full((side, side, 3), 255, np.uint8)
        if box[0] < box[2] and box[1] < box[3]:
            canvas[box[1] - top : box[3] - top, box[0] - left : box[2] - left] = self._checked(box, by)
        return np.asarray(cv2.resize(canvas, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)

    def around_jpeg(self, x0: int, y0: int, side0: int) -> bytes:
        """A square with its surroundings as JPEG (see `around`)."""
        return bytes(simplejpeg.encode_jpeg(self.around(x0, y0, side0), quality=_QUALITY, colorspace="RGB"))

    def _checked(self, box: tuple[int, int, int, int], by: int) -> Image:
        try:
            return self._read(box, by)
        except (ValueError, OSError, openslide.OpenSlideError) as error:
            raise SlideError(str(self._slide.path), f"a part of it cannot be read: {error}") from error

    def _read(self, box: tuple[int, int, int, int], by: int) -> Image:
        """A box of a level, shrunk by `by` from the slide's best level."""
        left, top, right, bottom = box
        pixels, factor, lock = self._reader(by)
        if by > _MOST_SHRUNK * factor and min(right - left, bottom - top) > 1:  # never hold it all at full size
            middle_x, middle_y = (left + right) // 2, (top + bottom) // 2
            halves = [
                np.hstack([self._read((left, y, middle_x, to), by), self._read((middle_x, y, right, to), by)])
                for y, to in ((top, middle_y), (middle_y, bottom))
            ]
            return np.vstack(halves)
        x, y = left * by // factor, top * by // factor
        x_to = max(x + 1, min(right * by, self.geometry.width) // factor)
        y_to = max(y + 1, min(bottom * by, self.geometry.height) // factor)
        with lock:
            region = pixels.read(x, y, x_to - x, y_to - y)
        return np.asarray(cv2.resize(region, (right - left, bottom - top), interpolation=cv2.INTER_AREA), np.uint8)

    def _reader(self, by: int) -> tuple[Pixels, int, threading.Lock]:
        """One reader for each level of the slide, whose decoded pixels serve all threads in turn."""
        with self._lock:
            _, factor = self._slide.best_level(by)
            if factor not in self._readers:
                self._readers[factor] = (*self._slide.pixels(by), threading.Lock())
            return self._readers[factor]

    def _whole(self) -> Image:
        with self._lock:
            if self._overview is None:
                self._overview = self._stored_overview()
            return self._overview

    def _stored_overview(self) -> Image:
        if self._overview_path is not None and self._overview_path.is_file():
            return np.asarray(simplejpeg.decode_jpeg(self._overview_path.read_bytes(), colorspace="RGB"), np.uint8)
        return self._slide.thumbnail()
