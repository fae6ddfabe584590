"""One slide is one task: mask, grid, pixels, tests, JPEG. Nothing here touches store or ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg

from tessera.config import IngestConfig
from tessera.errors import SlideError
from tessera.slides.quality import Limits, Reason, judge
from tessera.slides.reader import Pixels, Slide, fit
from tessera.slides.tiling import Grid, choose_capped, plan_grid, tissue_share
from tessera.slides.tissue import tissue_mask

_BLOCK_ROWS, _BLOCK_COLUMNS = 8, 64
_MAX_UNREADABLE_SHARE, _MIN_UNREADABLE = 0.01, 2


@dataclass(frozen=True)
class CutTile:
    """A kept tile.

    Attributes:
        x0: left edge, level-0 pixels.
        y0: upper edge, level-0 pixels.
        jpeg: its pixels at the workspace's size and resolution.
    """

    x0: int
    y0: int
    jpeg: bytes


@dataclass(frozen=True)
class CutSlide:
    """A slide after its task.

    Attributes:
        vendor: as OpenSlide names it.
        width: level-0 pixels.
        height: level-0 pixels.
        mpp: um per level-0 pixel.
        tile_mpp: um per pixel of its tiles.
        mpp_source: where the resolution comes from.
        reader: native or openslide.
        grid: the grid.
        codes: uint8 (rows, columns), `Reason` of every position.
        tiles: kept tiles in grid order.
        thumbnail: uint8 (h, w, 3), RGB.
        mask: bool (h, w), tissue on the thumbnail.
        seconds: wall time of the task.
    """

    vendor: str
    width: int
    height: int
    mpp: float
    tile_mpp: float
    mpp_source: str
    reader: str
    grid: Grid
    codes: npt.NDArray[np.uint8]
    tiles: list[CutTile]
    thumbnail: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.bool_]
    seconds: float


NO_RESOLUTION = "records no resolution (mpp)"


class NoResolutionError(SlideError):
    """The slide records no microns per pixel."""


def cut_slide(
    path: Path, sha256: str, config: IngestConfig, pool: Executor, told: Callable[[int, int], None]
) -> CutSlide:
    """Cut one slide into tiles.

    The cap chooses among positions with tissue before pixels are read; where a tile turns out white, blurred or inked the
    next in the slide's fixed order takes its place. So a capped slide costs what its tiles cost.

    Args:
        path: the slide.
        sha256: hash of its bytes, which decides the capped choice.
        config: tile size, resolution, thresholds.
        pool: runs blocks of the grid at the same time.
        told: hears (positions done, positions in all).

    Returns:
        The tiles and everything the ledger records of the slide.

    Raises:
        NoResolutionError: the slide records no mpp and there is no default.
        SlideError: the slide does not open, or more than 1 % of its regions do not decode.
    """
    began = time.monotonic()
    with Slide(path, default_mpp=config.default_mpp) as slide:
        if slide.mpp is None:
            raise NoResolutionError(
                str(path), f"{NO_RESOLUTION}: ingest it again with --default-mpp X, X in um per pixel"
            )
        thumbnail = slide.thumbnail()
        mask = tissue_mask(thumbnail)
        scale = config.mpp / slide.mpp
        grid = plan_grid(slide.width, slide.height, scale=scale, tile_px=config.tile_px, overlap_px=config.overlap)
        share = tissue_share(grid, mask, slide.width, slide.height)
        candidates = np.flatnonzero(share.ravel() >= max(config.min_tissue, 1e-6))
        codes = np.full(grid.rows * grid.columns, Reason.NO_TISSUE, np.uint8)
        codes[candidates] = Reason.OVER_CAP
        pixels, factor = slide.pixels(scale)
        cutter = _Cutter(pixels, factor, grid, config)
        tiles = _cut(cutter, codes, candidates, sha256, pool, told)
        pixels.close()
        _check_readable(path, codes)
        return CutSlide(
            vendor=slide.vendor,
            width=slide.width,
            height=slide.height,
            mpp=slide.mpp,
            tile_mpp=config.mpp,
            mpp_source=slide.mpp_source,
            reader=slide.reader,
            grid=grid,
            codes=codes.reshape(grid.rows, grid.columns),
            tiles=tiles,
            thumbnail=thumbnail,
            mask=mask,
            seconds=time.monotonic() - began,
        )


def _cut(
    cutter: _Cutter,
    codes: npt.NDArray[np.uint8],
    candidates: npt.NDArray[np.int64],
    sha256: str,
    pool: Executor,
    told: Callable[[int, int], None],
) -> list[CutTile]:
    """Fill `codes` and return kept tiles in grid order. With a cap, spares are read in rounds until it is full."""
    cap = cutter.config.max_tiles_per_slide
    kept: dict[int, CutTile] = {}
    read = np.empty(0, np.int64)
    while True:
        wanted = choose_capped(candidates, 0 if not cap else len(read) + cap - len(kept), sha256)
        fresh = np.setdiff1d(wanted, read)  # a larger choice contains the smaller one
        if not len(fresh):
            break
        done = len(read)
        for block in pool.map(cutter.cut, cutter.blocks(fresh)):
            for position, reason, tile in block:
                codes[position] = reason
                if tile is not None:
                    kept[position] = tile
            done += len(block)
            told(done, len(candidates) if not cap else len(wanted))
        read = wanted
        if not cap or len(kept) >= cap:
            break
    return [kept[position] for position in sorted(kept)]


def _check_readable(path: Path, codes: npt.NDArray[np.uint8]) -> None:
    unreadable = int((codes == Reason.UNREADABLE).sum())
    tried = int(np.isin(codes, (Reason.NO_TISSUE, Reason.OVER_CAP), invert=True).sum())
    if unreadable > max(_MIN_UNREADABLE, _MAX_UNREADABLE_SHARE * tried):
        raise SlideError(str(path), f"{unreadable} of {tried} regions do not decode: fetch the slide again")


class _Cutter:
    """Reads, tests and encodes blocks of grid positions; used by several threads, each with pixels of its own."""

    def __init__(self, pixels: Pixels, factor: int, grid: Grid, config: IngestConfig) -> None:
        self.config = config
        self._pixels, self._factor, self._grid = pixels, factor, grid
        self._limits = Limits(config.max_white, config.min_sharpness, config.max_pen)

    def blocks(self, positions: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
        """Split positions into rectangles of the grid, in which native tiles are decoded once."""
        rows, columns = np.divmod(positions, self._grid.columns)
        block = (rows // _BLOCK_ROWS) * (self._grid.columns // _BLOCK_COLUMNS + 1) + columns // _BLOCK_COLUMNS
        order = np.argsort(block, kind="stable")
        yield from np.split(positions[order], np.flatnonzero(np.diff(block[order])) + 1)

    def cut(self, positions: npt.NDArray[np.int64]) -> list[tuple[int, Reason, CutTile | None]]:
        """Cut the tiles of one block."""
        pixels = self._pixels.fork()
        try:
            return [self._cut_one(pixels, int(position)) for position in positions]
        finally:
            pixels.close()

    def _cut_one(self, pixels: Pixels, position: int) -> tuple[int, Reason, CutTile | None]:
        row, column = divmod(position, self._grid.columns)
        x0, y0 = self._grid.x0(column), self._grid.y0(row)
        side = max(1, round(self._grid.side0 / self._factor))
        try:
            region = pixels.read(x0 // self._factor, y0 // self._factor, side, side)
        except (ValueError, OSError):  # OpenSlide's own errors arrive as ValueError, see reader
            return position, Reason.UNREADABLE, None
        tile = fit(region, self.config.tile_px)
        reason = judge(tile, self._limits)
        if reason is not Reason.KEPT:
            return position, reason, None
        jpeg = simplejpeg.encode_jpeg(tile, quality=self.config.jpeg_quality, colorspace="RGB", colorsubsampling="420")
        return position, reason, CutTile(x0, y0, jpeg)
