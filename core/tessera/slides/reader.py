"""A slide that is open: its facts, its thumbnail and its pixels, by the fastest way that gives the right ones."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import openslide

from tessera.errors import SlideError
from tessera.slides.native import NativePixels, find_level
from tessera.slides.opened import open_file
from tessera.slides.problems import TooLargeError
from tessera.slides.resolution import Resolution, doubt, resolve
from tessera.slides.stretched import StretchedPixels

Image = npt.NDArray[np.uint8]

_CACHE_BYTES = 192 * 1024**2
_MOST_PIXELS = 10**11
_THUMBNAIL_DOWNSAMPLE = 32
_THUMBNAIL_SIDE = (512, 3072)  # pixels, smallest and largest long side
_WHOLE_LEVEL_PX = 24_000_000  # a larger level is not read at once: 100 MB
_BAND_PX = 512
_READERS = {"tifffile": "tifffile", "picture": "picture"}  # vendors of files that are not OpenSlide's
_NATIVE_VENDORS = ("aperio", "generic-tiff")
_CHECKED_TILES = 8
_INTEGER_TOLERANCE = 0.002  # levels whose downsample is not an integer are interpolated by OpenSlide: not used


class Pixels(Protocol):
    """Reads regions of one level; `fork` gives one that another thread may use."""

    def read(self, x: int, y: int, width: int, height: int) -> Image:
        """Region in pixels of the level, uint8 (height, width, 3)."""

    def fork(self) -> Pixels:
        """A reader for another thread."""

    def close(self) -> None:
        """Give resources back."""


class Slide:
    """An open slide. A context manager; not to be pickled.

    Args:
        path: the file, or the folder of a DICOM series.
        default_mpp: um per pixel where the slide records none; 0 when there is no such value.
        mpp: um per pixel across and down as the user says, against all that the file says.
        cache_bytes: decoded pixels that OpenSlide may keep for each reader of `pixels`.
        most_pixels: of level 0; a slide that claims more is refused.

    Attributes:
        path: the file, or the folder of a DICOM series.
        vendor: as OpenSlide names it; tifffile or picture where OpenSlide does not read the slide.
        width: level-0 pixels; where the file's pixels are oblong, of square ones as small as their finer side.
        height: the same.
        resolution: size of a stored pixel; None when the slide records none.
        mpp: um per level-0 pixel; None when the slide records none.
        mpp_source: where `mpp` comes from, empty when None.
        caution: what is doubtful about the resolution, or empty.
        patient: as the header says, or empty.
        site: as the header says, or empty.
        reader: native, openslide, tifffile or picture; native is known when `pixels` was called.
    """

    def __init__(
        self,
        path: Path,
        *,
        default_mpp: float = 0,
        mpp: tuple[float, float] | None = None,
        cache_bytes: int = _CACHE_BYTES,
        most_pixels: int = _MOST_PIXELS,
    ) -> None:
        self.path = path
        self._cache_bytes = cache_bytes
        self._file = open_file(path)
        width, height = self._file.dimensions
        if width * height > most_pixels:
            self._file.close()
            raise TooLargeError(
                str(path),
                f"claims {width:,} x {height:,} px, more than the {most_pixels:.3g} that are allowed: "
                "raise --set slide_pixels",
            )
        properties = self._file.properties
        self.vendor = str(properties.get("openslide.vendor", ""))
        self.resolution = resolve(properties, default_mpp) if mpp is None else Resolution(*mpp, "user")
        self.mpp: float | None = None if self.resolution is None else self.resolution.mpp
        self.mpp_source = "" if self.resolution is None else self.resolution.source
        self.caution = "" if self.resolution is None else _caution(self.resolution, properties)
        self._stretch = (1.0, 1.0) if self.resolution is None else self.resolution.stretch
        self.width, self.height = (round(side * by) for side, by in zip((width, height), self._stretch, strict=True))
        self.patient = str(properties.get("dicom.PatientID", "")).strip()
        self.site = str(properties.get("dicom.InstitutionName", "")).strip()
        self.reader = _READERS.get(self.vendor, "openslide")

    def __enter__(self) -> Slide:
        """The slide."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; readers that `pixels` gave have handles of their own."""
        self._file.close()

    def thumbnail(self) -> Image:
        """A picture of about 1/32 of level 0, its long side between 512 and 3072 pixels, uint8 (H, W, 3), RGB.

        Raises:
            SlideError: the slide's pixels cannot be read.
        """
        side = int(np.clip(max(self.width, self.height) / _THUMBNAIL_DOWNSAMPLE, *_THUMBNAIL_SIDE))
        shrink = max(self.width, self.height) / side
        level = self._file.get_best_level_for_downsample(shrink)
        width, height = self._file.level_dimensions[level]
        size = (max(1, round(self.width / shrink)), max(1, round(self.height / shrink)))
        try:
            if width * height <= _WHOLE_LEVEL_PX:
                whole = np.asarray(self._file.get_thumbnail((side, side)).convert("RGB"))
                if self._stretch == (1.0, 1.0):
                    return whole
                return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
            return np.asarray(
                cv2.resize(self._overview(level, shrink), size, interpolation=cv2.INTER_AREA), dtype=np.uint8
            )
        except (openslide.OpenSlideError, ValueError, OSError) as error:
            raise SlideError(str(self.path), f"its overview cannot be read: {error}") from error

    def _overview(self, level: int, shrink: float) -> Image:
        """A level too large to hold (slide without a pyramid), shrunk as it is read, by `shrink` of level 0 at most."""
        width, height = self._file.level_dimensions[level]
        by = max(whole for whole in (1, 2, 4, 8) if whole <= max(1, shrink / self._file.level_downsamples[level]))
        plain = self._plain(level, round(self._file.level_downsamples[level]))
        native = self._native(level, plain)
        if native is not None:
            try:
                return native.overview(by)
            finally:
                native.close()
        bands = []
        for y in range(0, height, _BAND_PX):
            band = plain.read(0, y, width, min(_BAND_PX, height - y))
            size = (-(-width // by), -(-band.shape[0] // by))
            bands.append(np.asarray(cv2.resize(band, size, interpolation=cv2.INTER_AREA), dtype=np.uint8))
        return np.concatenate(bands)

    def best_level(self, downsample: float) -> tuple[int, int]:
        """The coarsest level with an integer downsample that is still fine enough: its number and its downsample."""
        level, factor = 0, 1
        for candidate, exact in enumerate(self._file.level_downsamples):
            whole = round(exact)
            if factor < whole <= downsample and abs(exact - whole) <= _INTEGER_TOLERANCE * whole:
                level, factor = candidate, whole
        return level, factor

    def pixels(self, downsample: float) -> tuple[Pixels, int]:
        """The reader for a wanted downsample: the coarsest exact level that is still fine enough.

        Args:
            downsample: level-0 pixels per wanted pixel.

        Returns:
            A reader and the integer downsample of its level.
        """
        level, factor = self.best_level(downsample)
        plain = self._plain(level, factor)
        native = self._native(level, plain)
        self.reader = _READERS.get(self.vendor, "openslide") if native is None else "native"
        chosen: Pixels = plain if native is None else native
        return (chosen if self._stretch == (1.0, 1.0) else StretchedPixels(chosen, self._stretch)), factor

    def _plain(self, level: int, factor: int) -> Pixels:
        if self.vendor in _READERS:  # a file of our own readers is opened once: threads share it
            return _SharedPixels(self._file, level, factor)
        return _OpenSlidePixels(self.path, level, factor, self._cache_bytes)

    def _native(self, level: int, plain: Pixels) -> NativePixels | None:
        """The native reader of a level, if it gives OpenSlide's pixels on some tiles spread over it."""
        if self.vendor not in _NATIVE_VENDORS or not self.path.is_file():
            return None
        width, height = self._file.level_dimensions[level]
        stored = find_level(self.path, width, height)
        if stored is None or (level > 0 and stored.n_missing):  # OpenSlide fills such gaps from the finer level
            return None
        native = NativePixels(self.path, stored)
        try:
            for part in np.linspace(0.08, 0.92, _CHECKED_TILES):
                x = int(part * width) // stored.tile_width * stored.tile_width
                y = int((part * 3 % 1) * height) // stored.tile_height * stored.tile_height
                region = (x, y, min(stored.tile_width, width - x), min(stored.tile_height, height - y))
                if not np.array_equal(native.read(*region), plain.read(*region)):
                    native.close()
                    return None
        except (ValueError, OSError, openslide.OpenSlideError):
            native.close()
            return None
        return native


class _SharedPixels:
    """Regions by a reader of our own, which threads share."""

    def __init__(self, file: openslide.AbstractSlide, level: int, factor: int) -> None:
        self._file, self._level, self._factor = file, level, factor

    def read(self, x: int, y: int, width: int, height: int) -> Image:
        at = (x * self._factor, y * self._factor)
        try:
            rgba = np.asarray(self._file.read_region(at, self._level, (width, height)))
        except MemoryError:
            raise
        except Exception as error:  # decoders raise what they like; this region does not decode
            raise ValueError(f"region {x}, {y} does not decode: {error}") from error
        return _on_glass(rgba)

    def fork(self) -> _SharedPixels:
        return self

    def close(self) -> None:
        """The slide closes its file."""


class _OpenSlidePixels:
    """Regions by OpenSlide. The GIL is released while it reads, so threads share the handle.

    OpenSlide latches errors: after one broken region every later read by the same handle fails, in all threads. So a
    read that failed is tried once more by a handle of its own, which takes the place of the dead one when it works;
    only the broken region fails.
    """

    def __init__(self, path: Path, level: int, factor: int, cache_bytes: int = _CACHE_BYTES) -> None:
        self._path, self._level, self._factor = path, level, factor
        self._lock = threading.Lock()
        self._cache = openslide.OpenSlideCache(cache_bytes)
        self._file = self._fresh()

    def read(self, x: int, y: int, width: int, height: int) -> Image:
        region = (x * self._factor, y * self._factor), self._level, (width, height)
        file = self._file
        try:
            rgba = np.asarray(file.read_region(*region))
        except openslide.OpenSlideError:
            own = self._fresh()
            try:
                rgba = np.asarray(own.read_region(*region))
            except openslide.OpenSlideError as error:
                self._replace(file, self._fresh())
                raise ValueError(f"region {x}, {y} does not decode: {error}") from error
            self._replace(file, own)
        return _on_glass(rgba)

    def _fresh(self) -> openslide.AbstractSlide:
        file = open_file(self._path)
        file.set_cache(self._cache)
        return file

    def _replace(self, dead: openslide.AbstractSlide, file: openslide.AbstractSlide) -> None:
        with self._lock:
            if self._file is dead:  # else another thread has done it; the dead handle may still be in use: not closed
                self._file = file

    def fork(self) -> _OpenSlidePixels:
        return self

    def close(self) -> None:
        """Kept open: forks share the handle, which ends with the last of them."""


def _on_glass(rgba: Image) -> Image:
    """(h, w, 4) -> (h, w, 3); what is transparent lies outside of the slide or in a gap that the scanner left.

    White.
    """
    out = np.ascontiguousarray(rgba[..., :3])
    if rgba[..., 3].min() < 255:
        out[rgba[..., 3] < 255] = 255
    return out


def _caution(found: Resolution, properties: Mapping[str, str]) -> str:
    words = [doubt(found, properties)]
    if found.oblong:
        words.append(f"has oblong pixels of {found.x:.4g} x {found.y:.4g} um: they were made square")
    return "; ".join(word for word in words if word)


def fit(region: Image, side_px: int) -> Image:
    """Scale a square region to the tile's size: area mean when shrinking, linear when growing."""
    if region.shape[0] == side_px and region.shape[1] == side_px:
        return region
    method = cv2.INTER_AREA if region.shape[0] > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(region, (side_px, side_px), interpolation=method), dtype=np.uint8)
