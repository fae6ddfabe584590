"""Pixels by the slide's own JPEG tiles: 3-4 times as fast as OpenSlide and the same pixels (reference/io.md, C).

OpenSlide spends most of its time blending decoded tiles. Here the tag tables are read by tifffile, the JPEG tiles are
decoded by simplejpeg, and a region is cut from them. Whether the pixels are the same is checked when a slide is opened
(`tessera.slides.reader`).
"""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
import tifffile

Image = npt.NDArray[np.uint8]

_JPEG = 7
_RGB, _YCBCR = 2, 6
# Photometric RGB without a marker: libjpeg would take it for YCbCr. Adobe's APP14 with transform 0 says RGB.
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
_CACHED_TILES = 160  # 31 MB of 256 px tiles: two rows of native tiles below a block of 64 grid columns
WHITE = 255


class NativeLevel:
    """One pyramid level of a JPEG TIFF.

    Args:
        page: the level's page; see `find_level`.

    Attributes:
        n_missing: tiles that the file leaves out.
    """

    def __init__(self, page: tifffile.TiffPage) -> None:
        self.width, self.height = page.imagewidth, page.imagelength
        self.tile_width, self.tile_height = page.tilewidth, page.tilelength
        self.columns = -(-self.width // self.tile_width)
        self.rows = -(-self.height // self.tile_height)
        self._offsets, self._sizes = page.dataoffsets, page.databytecounts
        tables = page.jpegtables
        self.n_missing = self._sizes.count(0)
        prefix = b"\xff\xd8" + (_ADOBE_RGB if page.photometric == _RGB else b"")
        self._prefix = prefix + (tables[2:-2] if tables else b"")

    def decode(self, handle: int, row: int, column: int, shrink: int = 1) -> Image:
        """Decode one native tile.

        Args:
            handle: open file descriptor.
            row: of native tiles.
            column: of native tiles.
            shrink: 1, 2, 4 or 8; the JPEG decoder then computes only so much of each 8 x 8 block.

        Returns:
            uint8 (tile_height / shrink, tile_width / shrink, 3), RGB; white where the file has no tile.

        Raises:
            ValueError: the bytes are no JPEG of the right size.
            OSError: the file is shorter than its tables say.
        """
        index = row * self.columns + column
        size = self._sizes[index]
        shape = (self.tile_height // shrink, self.tile_width // shrink)
        if size == 0:
            return np.full((*shape, 3), WHITE, np.uint8)
        data = os.pread(handle, size, self._offsets[index])
        if len(data) < size:
            raise OSError(f"native tile {index} ends early")
        # the decoder takes the strongest shrinking that stays above the least size
        pixels: Image = simplejpeg.decode_jpeg(
            self._prefix + data[2:], colorspace="RGB", min_height=shape[0], min_width=shape[1]
        )
        if pixels.shape[:2] != shape:
            raise ValueError(f"native tile {index} has shape {pixels.shape[:2]}")
        return pixels


def find_level(path: Path, width: int, height: int) -> NativeLevel | None:
    """The level of this size, if the file stores it as tiled 8-bit JPEG that can be decoded here.

    Args:
        path: a TIFF or SVS.
        width: width of the level, pixels.
        height: of the level, pixels.

    Returns:
        The level, or None (another format, JPEG 2000, strips, planar).
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            for page in tiff.pages:
                if not isinstance(page, tifffile.TiffPage):
                    page = page.aspage()
                if (page.imagewidth, page.imagelength) == (width, height) and _is_usable(page):
                    return NativeLevel(page)
    except (tifffile.TiffFileError, OSError, ValueError, IndexError):
        return None  # not a TIFF that tifffile reads: OpenSlide reads it
    return None


def _is_usable(page: tifffile.TiffPage) -> bool:
    return bool(
        page.is_tiled
        and page.compression == _JPEG
        and page.photometric in (_RGB, _YCBCR)
        and page.samplesperpixel == 3
        and page.bitspersample == 8
        and page.planarconfig == 1
        and len(page.dataoffsets) == -(-page.imagewidth // page.tilewidth) * -(-page.imagelength // page.tilelength)
    )


class NativePixels:
    """Reads regions of one level; keeps the last decoded tiles. One per thread (see `fork`).

    Args:
        path: the slide.
        level: its level.
    """

    def __init__(self, path: Path, level: NativeLevel) -> None:
        self._path, self._level = path, level
        self._handle = os.open(path, os.O_RDONLY)
        self._decoded: OrderedDict[tuple[int, int], Image] = OrderedDict()

    def fork(self) -> NativePixels:
        """Another reader of the same level with a cache of its own."""
        return NativePixels(self._path, self._level)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._handle)

    def read(self, x: int, y: int, width: int, height: int) -> Image:
        """Read a region of the level; what lies outside is white.

        Args:
            x: left edge in pixels of the level.
            y: upper edge in pixels of the level.
            width: pixels.
            height: pixels.

        Returns:
            uint8 (height, width, 3), RGB.

        Raises:
            ValueError: a native tile does not decode.
            OSError: the file cannot be read.
        """
        level = self._level
        right, bottom = min(x + width, level.width), min(y + height, level.height)
        inside = x >= 0 and y >= 0 and right == x + width and bottom == y + height
        out = np.empty((height, width, 3), np.uint8) if inside else np.full((height, width, 3), WHITE, np.uint8)
        if x >= right or y >= bottom:
            return out
        for row in range(max(y, 0) // level.tile_height, -(-bottom // level.tile_height)):
            for column in range(max(x, 0) // level.tile_width, -(-right // level.tile_width)):
                left, top = column * level.tile_width, row * level.tile_height
                x_from, x_to = max(x, left), min(right, left + level.tile_width)
                y_from, y_to = max(y, top), min(bottom, top + level.tile_height)
                tile = self._tile(row, column)
                out[y_from - y : y_to - y, x_from - x : x_to - x] = tile[
                    y_from - top : y_to - top, x_from - left : x_to - left
                ]
        return out

    def overview(self, shrink: int) -> Image:
        """The whole level at a part of its size, without ever holding it at full size.

        Args:
            shrink: 1, 2, 4 or 8.

        Returns:
            uint8 (ceil(height / shrink), ceil(width / shrink), 3), RGB.

        Raises:
            ValueError: a native tile does not decode.
            OSError: the file cannot be read.
        """
        level = self._level
        tall, wide = level.tile_height // shrink, level.tile_width // shrink
        out = np.empty((level.rows * tall, level.columns * wide, 3), np.uint8)
        for row in range(level.rows):
            for column in range(level.columns):
                out[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide] = level.decode(
                    self._handle, row, column, shrink
                )
        return out[: -(-level.height // shrink), : -(-level.width // shrink)]

    def _tile(self, row: int, column: int) -> Image:
        found = self._decoded.get((row, column))
        if found is None:
            found = self._level.decode(self._handle, row, column)
            self._decoded[row, column] = found
            if len(self._decoded) > _CACHED_TILES:
                self._decoded.popitem(last=False)
        return found
