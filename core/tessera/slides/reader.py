"""A slide that is open: its facts, its thumbnail and its pixels, by the fastest way that gives the right ones."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import openslide

from tessera.errors import SlideError
from tessera.slides.native import NativePixels, find_level
from tessera.slides.resolution import resolve_mpp

Image = npt.NDArray[np.uint8]

_CACHE_BYTES = 192 * 1024**2
_THUMBNAIL_DOWNSAMPLE = 32
_THUMBNAIL_SIDE = (512, 3072)  # pixels, smallest and largest long side
_WHOLE_LEVEL_PX = 24_000_000  # a larger level is not read at once: 100 MB
_BAND_PX = 512
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
        cache_bytes: decoded pixels that OpenSlide may keep for each reader of `pixels`.

    Attributes:
        path: the file, or the folder of a DICOM series.
        vendor: as OpenSlide names it.
        width: level-0 pixels.
        height: level-0 pixels.
        mpp: um per level-0 pixel; None when the slide records none.
        mpp_source: where `mpp` comes from, empty when None.
        reader: native or openslide, set by `pixels`.
    """

    def __init__(self, path: Path, *, default_mpp: float = 0, cache_bytes: int = _CACHE_BYTES) -> None:
        self.path = path
        self._cache_bytes = cache_bytes
        self._file = _open(path)
        self.width, self.height = self._file.dimensions
        self.vendor = str(self._file.properties.get("openslide.vendor", ""))
        found = resolve_mpp(self._file.properties, default_mpp)
        self.mpp: float | None = None if found is None else found[0]
        self.mpp_source = "" if found is None else found[1]
        self.reader = "openslide"

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
        try:
            if width * height <= _WHOLE_LEVEL_PX:
                return np.asarray(self._file.get_thumbnail((side, side)).convert("RGB"))
            size = (max(1, round(self.width / shrink)), max(1, round(self.height / shrink)))
            return np.asarray(
                cv2.resize(self._overview(level, shrink), size, interpolation=cv2.INTER_AREA), dtype=np.uint8
            )
        except (openslide.OpenSlideError, ValueError, OSError) as error:
            raise SlideError(str(self.path), f"its overview cannot be read: {error}") from error

    def _overview(self, level: int, shrink: float) -> Image:
        """A level too large to hold (a slide without a pyramid), shrunk as it is read, at most by `shrink` of level 0."""
        width, height = self._file.level_dimensions[level]
        by = max(whole for whole in (1, 2, 4, 8) if whole <= max(1, shrink / self._file.level_downsamples[level]))
        plain = _OpenSlidePixels(self.path, level, round(self._file.level_downsamples[level]), self._cache_bytes)
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
        plain = _OpenSlidePixels(self.path, level, factor, self._cache_bytes)
        native = self._native(level, plain)
        self.reader = "openslide" if native is None else "native"
        return (plain if native is None else native), factor

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


class _OpenSlidePixels:
    """Regions by OpenSlide. The GIL is released while it reads, so threads share the handle.

    OpenSlide latches errors: after one broken region every later read by the same handle fails, in all threads. So a read
    that failed is tried once more by a handle of its own, which takes the place of the dead one when it works; only the
    broken region fails.
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
        out = np.ascontiguousarray(rgba[..., :3])
        if rgba[..., 3].min() < 255:  # outside of the slide, or a gap that the scanner left
            out[rgba[..., 3] < 255] = 255
        return out

    def _fresh(self) -> openslide.AbstractSlide:
        file = _open(self._path)
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


def _open(path: Path) -> openslide.AbstractSlide:
    target = path
    if path.is_dir():  # a DICOM series: any of its files opens all
        target = next((file for file in sorted(path.iterdir()) if file.is_file()), path)
    try:
        return openslide.OpenSlide(target)
    except openslide.OpenSlideUnsupportedFormatError as error:
        raise SlideError(str(path), "not a slide format that OpenSlide reads") from error
    except (openslide.OpenSlideError, OSError) as error:
        raise SlideError(str(path), f"broken or truncated: {error}") from error


def fit(region: Image, side_px: int) -> Image:
    """Scale a square region to the tile's size: area mean when shrinking, linear when growing."""
    if region.shape[0] == side_px and region.shape[1] == side_px:
        return region
    method = cv2.INTER_AREA if region.shape[0] > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(region, (side_px, side_px), interpolation=method), dtype=np.uint8)
