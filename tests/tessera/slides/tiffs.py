"""Pyramidal JPEG TIFFs made for one test each: any tile size, colour space, levels and tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

Image = npt.NDArray[np.uint8]
_ADOBE = b"\xff\xee\x00\x0eAdobe"


def noise(height: int, width: int, seed: int = 0) -> Image:
    """Smooth random colours: every place differs from every other, and JPEG keeps it."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def write_tiff(
    path: Path,
    image: Image,
    *,
    tile: tuple[int, int] = (64, 64),
    factors: Sequence[int] = (1,),
    space: str = "ycbcr",
    description: str = "",
    **tags: Any,
) -> Path:
    """Write levels at 1/factor as JPEG tiles (width, height).

    `space` rgb stores them as Aperio does, without a marker.
    """
    with tifffile.TiffWriter(path) as tiff:
        for factor in factors:
            height, width = image.shape[0] // factor, image.shape[1] // factor
            level = image if factor == 1 else cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            about = {"description": description, **tags} if factor == 1 else {}
            tiff.write(
                _jpegs(level, tile, space),
                shape=level.shape,
                dtype=np.uint8,
                tile=tile[::-1],
                compression="jpeg",
                photometric="ycbcr",
                subsampling=(2, 2) if space == "ycbcr" else (1, 1),
                metadata=None,
                subfiletype=int(factor > 1),
                **about,
            )
    if space == "rgb":  # tifffile calls every JPEG YCbCr
        for level in range(len(factors)):
            _overwrite(path, _tag(path, level, "PhotometricInterpretation")[0], b"\x02\x00")
    return path


def _jpegs(level: Image, tile: tuple[int, int], space: str) -> Iterator[bytes]:
    for y in range(0, level.shape[0], tile[1]):
        for x in range(0, level.shape[1], tile[0]):
            whole = np.zeros((tile[1], tile[0], 3), np.uint8)  # padding is black: a reader that shows it is found out
            piece = level[y : y + tile[1], x : x + tile[0]]
            whole[: piece.shape[0], : piece.shape[1]] = piece
            if space == "rgb":
                data = imagecodecs.jpeg8_encode(whole, level=90, colorspace="RGB", outcolorspace="RGB")
                at = data.find(_ADOBE)
                yield data if at < 0 else data[:at] + data[at + 16 :]
            else:
                yield imagecodecs.jpeg8_encode(whole, level=90, colorspace="RGB", subsampling="420")


def drop_tile(path: Path, level: int, index: int) -> None:
    """Make a tile one that the scanner left out: size 0."""
    start, width = _tag(path, level, "TileByteCounts")
    _overwrite(path, start + index * width, bytes(width))


def spoil_tile(path: Path, level: int, index: int) -> None:
    """Overwrite a tile's bytes, so that it does not decode."""
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[level]
        offset, size = page.dataoffsets[index], page.databytecounts[index]
    _overwrite(path, offset, bytes(size))


def _tag(path: Path, level: int, name: str) -> tuple[int, int]:
    """Where a tag's values lie in the file, and the bytes of one value."""
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[level]
        tag = page.tags[name]
        return tag.valueoffset, {3: 2, 4: 4, 16: 8}[int(tag.dtype)]


def _overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)
