"""TIFFs that OpenSlide refuses although they are sound, read by tifffile: strips, WebP, JPEG XL, JPEG 2000, big-endian.

Slower than the other ways. What is not read exactly is refused, with the line that converts it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openslide
import tifffile
from PIL import Image as PillowImage

from tessera.slides.problems import DamagedError, UnsupportedError

Image = npt.NDArray[np.uint8]

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_CONVERT = "vips tiffsave IN OUT.tif --tile --pyramid --compression jpeg (or bfconvert for OME and other formats)"
_READ = {"MINISBLACK", "MINISWHITE", "RGB", "YCBCR"}
_SELF_COLOURED = {6, 7, 34892, 33007, 50001, 34927, 50002, 52546}  # JPEG, WebP, JPEG XL: their decoders give RGB
_CACHE_BYTES = 128 * 1024**2
_UNIT = {2: "inch", 3: "centimeter"}


def is_tiff(path: Path) -> bool:
    """Whether a file begins like a TIFF."""
    with path.open("rb") as stream:
        return stream.read(4) in _MAGIC


def open_tiff(path: Path, said: str = "") -> TiffSlide:
    """Open a TIFF that OpenSlide refuses.

    Args:
        path: the file.
        said: what OpenSlide said.

    Raises:
        DamagedError: its tables do not parse, speak of more bytes than it has, or its first pixels do not decode.
        UnsupportedError: it is sound, but of a kind that is not read exactly here.
    """
    try:
        tiff = tifffile.TiffFile(path)
        pages = [page.aspage() for page in tiff.pages]
    except Exception as error:  # tifffile raises whatever a broken table leads to
        raise DamagedError(
            str(path), f"begins like a slide but is cut short or damaged ({said or error}): fetch it again"
        ) from error
    if not pages:
        raise DamagedError(str(path), "begins like a slide but is cut short or damaged: fetch it again")
    base = max(pages, key=lambda page: page.imagewidth * page.imagelength)
    _check_whole(path, base)
    _check_read(path, base)
    slide = TiffSlide(tiff, [base, *_smaller(base, pages)])
    try:
        slide.level(0).segment(0)
    except Exception as error:  # decoders raise what they like
        sound = "codec" in str(error).lower() or "unsupported" in str(error).lower() or "requires" in str(error).lower()
        if sound:
            raise _unsupported(path, f"its compression {_named(base)} has no decoder here") from error
        raise DamagedError(str(path), f"its pixels do not decode ({error}): fetch it again") from error
    return slide


def _check_whole(path: Path, page: Any) -> None:
    ends = [offset + size for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False)]
    there = path.stat().st_size
    if ends and max(ends) > there:
        raise DamagedError(
            str(path), f"is cut short or damaged: it speaks of {max(ends):,} bytes and has {there:,}; fetch it again"
        )


def _check_read(path: Path, page: Any) -> None:
    """Refuse what would be read wrongly."""
    photometric = getattr(page.photometric, "name", str(page.photometric))
    if photometric == "YCBCR" and int(page.compression) not in _SELF_COLOURED:
        raise _unsupported(path, f"its colours are YCbCr with compression {_named(page)}")
    if photometric not in _READ:
        raise _unsupported(path, f"its colours are {photometric}")
    if page.bitspersample not in (8, 16) or page.dtype is None or page.dtype.kind != "u":
        raise _unsupported(path, f"its pixels have {page.bitspersample} bits of type {page.dtype}")
    if page.samplesperpixel not in (1, 2, 3, 4) or page.imagedepth != 1:
        raise _unsupported(path, f"it has {page.samplesperpixel} channels: make an RGB picture of those to look at")


def _unsupported(path: Path, what: str) -> UnsupportedError:
    return UnsupportedError(str(path), f"is sound, but {what}, which is not supported: convert it, {_CONVERT}")


def _named(page: Any) -> str:
    return str(getattr(page.compression, "name", page.compression))


def _smaller(base: Any, pages: list[Any]) -> list[Any]:
    """Levels of the pyramid: sub-resolutions of the base (SubIFDs), or pages that say to be reduced versions of it."""
    own = [page.aspage() for page in base.pages] if base.subifds else []
    reduced = [page for page in pages if page is not base and page.subfiletype & 1 and page.subfiletype != 9]
    found = []
    for page in own or reduced:
        across, down = base.imagewidth / page.imagewidth, base.imagelength / page.imagelength
        same = page.samplesperpixel == base.samplesperpixel and page.dtype == base.dtype
        if same and across > 1.5 and abs(across - down) <= 0.05 * across:
            found.append(page)
    return sorted(found, key=lambda page: -page.imagewidth)


class TiffLevel:
    """One page whose segments (tiles or strips) are decoded when they are needed.

    Args:
        page: of tifffile.
    """

    def __init__(self, page: Any) -> None:
        self._page = page
        self.width, self.height = page.imagewidth, page.imagelength
        tiled = page.is_tiled
        self._segment_width = page.tilewidth if tiled else page.imagewidth
        self._segment_height = page.tilelength if tiled else min(page.rowsperstrip, page.imagelength)
        self._columns = -(-self.width // self._segment_width)
        self._rows = -(-self.height // self._segment_height)
        self._planes = page.samplesperpixel if page.planarconfig == 2 else 1
        self._lock = threading.Lock()
        self._decoded: OrderedDict[int, Image] = OrderedDict()
        sized = self._segment_width * self._segment_height * 3
        self._most = max(2 if tiled else 1, _CACHE_BYTES // sized)
        self._shift: int | None = None

    def segment(self, index: int) -> Image:
        """One tile or strip, uint8 (h, w, 3), RGB."""
        with self._lock:
            found = self._decoded.get(index)
        if found is not None:
            return found
        planes = [self._decode(index + plane * self._columns * self._rows) for plane in range(self._planes)]
        rgb = self._to_rgb(planes[0] if len(planes) == 1 else np.concatenate(planes, axis=-1))
        with self._lock:
            self._decoded[index] = rgb
            while len(self._decoded) > self._most:
                self._decoded.popitem(last=False)
        return rgb

    def read(self, x: int, y: int, width: int, height: int) -> npt.NDArray[np.uint8]:
        """A region, uint8 (height, width, 4), RGBA; transparent outside."""
        out = np.zeros((height, width, 4), np.uint8)
        right, bottom = min(x + width, self.width), min(y + height, self.height)
        if x >= right or y >= bottom or right <= 0 or bottom <= 0:
            return out
        for row in range(max(y, 0) // self._segment_height, -(-bottom // self._segment_height)):
            for column in range(max(x, 0) // self._segment_width, -(-right // self._segment_width)):
                left, top = column * self._segment_width, row * self._segment_height
                pixels = self.segment(row * self._columns + column)
                x_from, x_to = max(x, left), min(right, left + pixels.shape[1])
                y_from, y_to = max(y, top), min(bottom, top + pixels.shape[0])
                place = out[y_from - y : y_to - y, x_from - x : x_to - x]
                place[..., :3] = pixels[y_from - top : y_to - top, x_from - left : x_to - left]
                place[..., 3] = 255
        return out

    def _decode(self, index: int) -> npt.NDArray[Any]:
        """Samples of one segment, (h, w, samples)."""
        page = self._page
        size = page.databytecounts[index]
        if size == 0:
            return np.full((self._segment_height, self._segment_width, page.samplesperpixel), 255, page.dtype)
        handle = page.parent.filehandle
        with page.parent.filehandle.lock if handle.has_lock else self._lock:
            handle.seek(page.dataoffsets[index])
            data = handle.read(size)
        decoded = page.decode(data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader)[0]
        if decoded is None:
            raise ValueError(f"segment {index} holds nothing")
        return np.asarray(decoded)[0]  # (depth, h, w, samples) of one depth

    def _to_rgb(self, samples: npt.NDArray[Any]) -> Image:
        photometric = getattr(self._page.photometric, "name", "")
        if samples.dtype == np.uint16:
            if self._shift is None:  # 12-bit cameras store 12 bits in 16
                self._shift = 4 if int(samples.max(initial=0)) < 4096 else 8
            samples = np.minimum(samples >> self._shift, 255).astype(np.uint8)
        if photometric == "MINISWHITE":
            samples = 255 - samples
        n = samples.shape[-1]
        if n in (2, 4):  # the last is transparency: what shows through is glass
            alpha = samples[..., -1:].astype(np.uint16)
            over = samples[..., :-1].astype(np.uint16) * alpha + 255 * (255 - alpha)
            samples, n = ((over + 127) // 255).astype(np.uint8), n - 1
        return np.ascontiguousarray(np.repeat(samples, 3, axis=-1) if n == 1 else samples)


class TiffSlide(openslide.AbstractSlide):
    """A TIFF with OpenSlide's interface; threads may share it.

    Args:
        tiff: the open file.
        pages: its levels, from the largest.
    """

    def __init__(self, tiff: Any, pages: list[Any]) -> None:
        super().__init__()
        self._tiff = tiff
        self._levels = [TiffLevel(page) for page in pages]
        self._properties = _properties(pages[0])

    def level(self, number: int) -> TiffLevel:
        """One level."""
        return self._levels[number]

    @classmethod
    def detect_format(cls, filename: Any) -> str | None:  # noqa: ARG003
        """Always tifffile."""
        return "tifffile"

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()

    @property
    def level_count(self) -> int:
        """How many levels."""
        return len(self._levels)

    @property
    def level_dimensions(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of every level."""
        return tuple((level.width, level.height) for level in self._levels)

    @property
    def level_downsamples(self) -> tuple[float, ...]:
        """Level-0 pixels per pixel of every level."""
        base = self._levels[0]
        return tuple((base.width / one.width + base.height / one.height) / 2 for one in self._levels)

    @property
    def properties(self) -> dict[str, str]:
        """Those of OpenSlide that the file has."""
        return self._properties

    @property
    def associated_images(self) -> dict[str, Any]:
        """None."""
        return {}

    def get_best_level_for_downsample(self, downsample: float) -> int:
        """The coarsest level that is fine enough."""
        return max(number for number, own in enumerate(self.level_downsamples) if number == 0 or own <= downsample)

    def read_region(self, location: tuple[int, int], level: int, size: tuple[int, int]) -> PillowImage.Image:
        """Region of a level; location in level-0 pixels."""
        by = self.level_downsamples[level]
        x, y = round(location[0] / by), round(location[1] / by)
        return PillowImage.fromarray(self._levels[level].read(x, y, *size))

    def set_cache(self, cache: openslide.OpenSlideCache) -> None:
        """It has its own."""


def _properties(page: Any) -> dict[str, str]:
    about = {"openslide.vendor": "tifffile"}
    description = str(page.description or "")
    if description:
        about["tiff.ImageDescription"] = description
    tags = {tag.name: tag.value for tag in page.tags.values()}
    for name in ("XResolution", "YResolution"):
        if isinstance(tags.get(name), tuple) and tags[name][1]:
            about[f"tiff.{name}"] = repr(tags[name][0] / tags[name][1])
    about["tiff.ResolutionUnit"] = _UNIT.get(int(tags.get("ResolutionUnit", 2) or 0), "none")
    if description.startswith("Aperio"):
        for part in description.split("|")[1:]:
            key, _, value = part.partition("=")
            about[f"aperio.{key.strip()}"] = value.strip()
        if "aperio.AppMag" in about:
            about["openslide.objective-power"] = about["aperio.AppMag"]
    return about
