"""Pictures into tiles: decoded as people see them, squared, scaled, encoded.

Runs in a child process, many at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from tessera.errors import SlideError
from tessera.slides.child.serve import Answer, Host
from tessera.slides.picture import decode, orientation
from tessera.slides.reader import fit

Image = npt.NDArray[np.uint8]

_MOST_PIXELS = 50_000_000  # 7,000 x 7,000: a larger picture is a slide
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def task(arguments: dict[str, Any], host: Host) -> Answer:  # noqa: ARG001
    """Make tiles of files: for each the size of its JPEG, or why there is none; the JPEGs one after the other."""
    sizes: list[int] = []
    reasons: list[str] = []
    jpegs: list[bytes] = []
    for file in arguments["files"]:
        try:
            jpegs.append(as_jpeg(Path(file), int(arguments["tile_px"]), int(arguments["quality"])))
            sizes.append(len(jpegs[-1]))
            reasons.append("")
        except SlideError as error:
            sizes.append(0)
            reasons.append(error.reason)
        except (OSError, ValueError, cv2.error) as error:
            sizes.append(0)
            reasons.append(f"is not an image that can be read: {error}")
    return {"sizes": sizes, "reasons": reasons}, [b"".join(jpegs)]


def as_jpeg(file: Path, tile_px: int, quality: int) -> bytes:
    """One picture as a tile.

    A JPEG of the right size that stands upright keeps its bytes; all else is turned as EXIF says, put on white where it
    is transparent, cut to its middle square and scaled.

    Args:
        file: the picture.
        tile_px: side of the tile.
        quality: of the JPEG.

    Raises:
        ValueError: it is no picture, damaged, or as large as a slide.
        SlideError: the same, from the decoder of pictures.
        OSError: it cannot be read.
    """
    data = file.read_bytes()
    if not data:
        raise ValueError("it is empty")
    _check_size(data)
    if simplejpeg.is_jpeg(data) and orientation(data) == 1:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        try:
            pixels: Image = simplejpeg.decode_jpeg(data, colorspace="RGB")  # decoding proves that it is whole
        except ValueError as error:
            if "premature" in str(error).lower():
                raise
            pixels = decode(data, file.name)[0]  # colours of print, which libjpeg does not turn into RGB
        else:
            if height == width == tile_px:
                return data
    else:
        pixels = _other(data, file.name)
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = fit(np.ascontiguousarray(pixels[top : top + side, left : left + side]), tile_px)
    return bytes(simplejpeg.encode_jpeg(square, quality=quality, colorspace="RGB", colorsubsampling="420"))


def _other(data: bytes, name: str) -> Image:
    try:
        return decode(data, name)[0]
    except SlideError:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)  # TIFFs that Pillow does not know
        if found is None:
            raise
        return np.asarray(found, np.uint8)


def _check_size(data: bytes) -> None:
    """Refuse pictures by their claimed size, before a decoder makes room for it."""
    size = None
    if simplejpeg.is_jpeg(data):
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        size = width, height
    elif data.startswith(b"\x89PNG") and len(data) > 24:
        size = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    elif data.startswith(_TIFF):
        from io import BytesIO

        from PIL import Image as PillowImage

        PillowImage.MAX_IMAGE_PIXELS = None
        try:
            with PillowImage.open(BytesIO(data)) as image:
                size = image.size
        except (OSError, ValueError, SyntaxError):
            return
    if size is not None and size[0] * size[1] > _MOST_PIXELS:
        raise ValueError(f"it claims {size[0]:,} x {size[1]:,} px: a slide is taken in without --tiles")
