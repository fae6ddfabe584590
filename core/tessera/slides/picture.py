"""A plain picture taken for a slide: PNG, JPEG, JPEG 2000, JPEG XL, WebP.

It is decoded whole, so its size is limited.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openslide
from PIL import Image as PillowImage

from tessera.slides.problems import DamagedError, UnsupportedError

Image = npt.NDArray[np.uint8]

_STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"\0\0\0\x0cjP  \r\n",
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cJXL ",
    b"\xff\x0a",
)
_MOST_PIXELS = 1_000_000_000  # 3 GB when decoded
_UPRIGHT = 0x0112  # EXIF: orientation
_UM_PER_INCH = 25_400.0


def is_picture(path: Path) -> bool:
    """Whether a file begins like a picture."""
    with path.open("rb") as stream:
        head = stream.read(16)
    return head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def open_picture(path: Path) -> PictureSlide:
    """Decode a picture.

    Raises:
        DamagedError: it does not decode.
        UnsupportedError: it is too large to be held, or has a kind of pixels that is not read.
    """
    pixels, dpi = decode(path.read_bytes(), str(path))
    return PictureSlide(pixels, dpi)


def decode(data: bytes, name: str = "") -> tuple[Image, tuple[float, float] | None]:
    """A picture as people see it: turned as EXIF says, transparency on white, 8 bits, RGB.

    Args:
        data: the file.
        name: for messages.

    Returns:
        uint8 (h, w, 3), and its pixels per inch if it records them.

    Raises:
        DamagedError: it does not decode.
        UnsupportedError: it claims more pixels than can be held, or no decoder is there.
    """
    from io import BytesIO

    PillowImage.MAX_IMAGE_PIXELS = None  # our own limit is below, with words of its own
    if data.startswith((b"\0\0\0\x0cJXL ", b"\xff\x0a")):
        return _by_imagecodecs(data, name), None
    try:
        with PillowImage.open(BytesIO(data)) as image:
            if image.width * image.height > _MOST_PIXELS:
                size = f"{image.width:,} x {image.height:,} px"
                raise UnsupportedError(
                    name,
                    f"is a picture of {size}: convert it to a tiled pyramid, vips tiffsave IN OUT.tif "
                    "--tile --pyramid --compression jpeg",
                )
            dpi = image.info.get("dpi")
            turned = int(image.getexif().get(_UPRIGHT, 1))
            pixels = _as_rgb(image)
    except UnsupportedError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DamagedError(name, "is not an image that can be read, or a damaged one") from error
    across = None if not dpi or not all(float(one) > 0 for one in dpi) else (float(dpi[0]), float(dpi[1]))
    return upright(pixels, turned), across


def orientation(data: bytes) -> int:
    """EXIF orientation of a picture, 1 when it stands upright or says nothing."""
    from io import BytesIO

    if b"Exif" not in data[:65536] and b"eXIf" not in data[:65536]:
        return 1
    try:
        with PillowImage.open(BytesIO(data)) as image:
            return int(image.getexif().get(_UPRIGHT, 1))
    except (OSError, ValueError, SyntaxError):
        return 1


def upright(pixels: Image, turned: int) -> Image:
    """Turn pixels (h, w, 3) as EXIF's orientation 1-8 says."""
    if turned in (2, 4, 5, 7):
        pixels = pixels[:, ::-1]  # mirrored
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(turned, 0)
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _as_rgb(image: PillowImage.Image) -> Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        deep = np.asarray(image).astype(np.int64)
        grey = np.clip(deep >> (4 if deep.max(initial=0) < 4096 and deep.max(initial=0) > 255 else 8), 0, 255)
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = PillowImage.new("RGBA", rgba.size, (255, 255, 255, 255))
        image = PillowImage.alpha_composite(white, rgba)
    return np.array(image.convert("RGB"))


def _by_imagecodecs(data: bytes, name: str) -> Image:
    import imagecodecs

    try:
        pixels = np.asarray(imagecodecs.jpegxl_decode(data))
    except imagecodecs.DelayedImportError as error:
        raise UnsupportedError(name, "is JPEG XL, for which no decoder is here: convert it to PNG or TIFF") from error
    except (RuntimeError, ValueError) as error:
        raise DamagedError(name, f"is not an image that can be read: {error}") from error
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise UnsupportedError(name, f"has pixels of type {pixels.dtype}: convert it to 8 bits")
    return _as_rgb(PillowImage.fromarray(pixels))


class PictureSlide(openslide.ImageSlide):
    """A picture with OpenSlide's interface; threads may share it.

    Args:
        pixels: uint8 (h, w, 3), RGB.
        dpi: pixels per inch across and down, if they are known.
    """

    def __init__(self, pixels: Image, dpi: tuple[float, float] | None) -> None:
        super().__init__(PillowImage.fromarray(pixels))
        self._pixels = pixels
        self._about = {"openslide.vendor": "picture"}
        if dpi is not None:
            self._about |= {"tiff.XResolution": repr(dpi[0]), "tiff.YResolution": repr(dpi[1])}
            self._about["tiff.ResolutionUnit"] = "inch"

    @property
    def properties(self) -> dict[str, str]:
        """Those of OpenSlide that the picture has."""
        return self._about

    def set_cache(self, cache: openslide.OpenSlideCache) -> None:
        """It is in memory."""

    def read_region(self, location: tuple[int, int], level: int, size: tuple[int, int]) -> PillowImage.Image:  # noqa: ARG002
        """Region in pixels; transparent outside."""
        (x, y), (width, height) = location, size
        out = np.zeros((height, width, 4), np.uint8)
        part: Any = self._pixels[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
        place = out[max(-y, 0) :, max(-x, 0) :][: part.shape[0], : part.shape[1]]
        place[..., :3], place[..., 3] = part, 255
        return PillowImage.fromarray(out)
