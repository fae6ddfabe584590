"""One slide is one task: mask, grid, pixels, tests, JPEG.

It runs in a child process and touches neither store nor ledger.

`tessera.ingest.cut` is the parent's side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from tessera.config import IngestConfig, from_mapping
from tessera.errors import SlideError
from tessera.ingest.slide_record import columns_of, pictures_of
from tessera.slides.child.serve import Answer, Host
from tessera.slides.problems import NO_RESOLUTION, NoResolutionError
from tessera.slides.quality import Limits, Reason, judge
from tessera.slides.reader import Pixels, Slide, fit
from tessera.slides.stain import guess_stain, limits_for, without_colour
from tessera.slides.tiling import Grid, choose_capped, plan_grid, tissue_share
from tessera.slides.tissue import bright_mask, grey_mask, odd_glass, tissue_mask

_BLOCK_ROWS, _BLOCK_COLUMNS = 8, 64
_SAMPLE = 16  # tiles from which the stain is guessed
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


Emit = Callable[[list[tuple[int, CutTile]], int, int], None]  # kept tiles by grid number, positions done, of how many


def task(arguments: dict[str, Any], host: Host) -> Answer:
    """Cut a slide for the parent process (see `tessera.ingest.cut`).

    Kept tiles as words on the way, facts as the answer.
    """
    config = from_mapping(IngestConfig, arguments["config"])

    def emit(tiles: list[tuple[int, CutTile]], done: int, total: int) -> None:
        about = [(position, tile.x0, tile.y0, len(tile.jpeg)) for position, tile in tiles]
        host.tell({"tiles": about, "done": done, "total": total}, [b"".join(tile.jpeg for _, tile in tiles)])

    host.tell({"begins": True})
    said = Said(arguments.get("mpp"), str(arguments.get("stain", "")))
    path, sha256 = Path(arguments["path"]), str(arguments["sha256"])
    return cut_slide(path, sha256, config, said, pool=host.pool(config.threads), emit=emit)


@dataclass(frozen=True)
class Said:
    """What the user says of a slide: um per pixel, or None; its stain, or empty."""

    mpp: float | None = None
    stain: str = ""


def cut_slide(path: Path, sha256: str, config: IngestConfig, said: Said, *, pool: Executor, emit: Emit) -> Answer:
    """Cut one slide into tiles.

    The cap chooses among positions with tissue before pixels are read; where a tile turns out white, blurred or inked
    the next in the slide's fixed order takes its place. So a capped slide costs what its tiles cost.

    Args:
        path: the slide.
        sha256: hash of its bytes, which decides the capped choice.
        config: tile size, resolution, thresholds.
        said: what the user says of it.
        pool: runs blocks of the grid at the same time.
        emit: takes kept tiles while they are cut.

    Returns:
        Columns of the slide table with the grid's shape; and as buffers the uint8 `Reason` codes of the grid, the
        thumbnail as JPEG, and the tissue mask as PNG.

    Raises:
        NoResolutionError: the slide records no mpp and there is no default.
        TooLargeError: it claims more pixels than `config.slide_pixels`.
        SlideError: the slide does not open, or more than 1 % of its regions do not decode.
    """
    began = time.monotonic()
    own = None if said.mpp is None else (said.mpp, said.mpp)
    with Slide(path, default_mpp=config.default_mpp, mpp=own, most_pixels=config.slide_pixels) as slide:
        if slide.mpp is None:
            raise NoResolutionError(
                str(path), f"{NO_RESOLUTION}: ingest it again with --default-mpp X, X in um per pixel"
            )
        thumbnail = slide.thumbnail()
        scale = config.mpp / slide.mpp
        grid = plan_grid(slide.width, slide.height, scale=scale, tile_px=config.tile_px, overlap_px=config.overlap)
        given = said.stain or ("" if config.tissue in ("auto", "all") else config.tissue)
        colourless = given if given in ("fluorescence", "grey") else "" if given else without_colour(thumbnail)
        mask = _mask(thumbnail, config.tissue, colourless, slide)
        share = tissue_share(grid, mask, slide.width, slide.height)
        candidates = np.flatnonzero(share.ravel() >= max(config.min_tissue, 1e-6))
        codes = np.full(grid.rows * grid.columns, Reason.NO_TISSUE, np.uint8)
        codes[candidates] = Reason.OVER_CAP
        pixels, factor = slide.pixels(scale)
        cutter = _Cutter(pixels, factor, grid, config)
        stain = given or colourless or guess_stain(cutter.sample(candidates))
        cutter.limits = limits_for(stain, config.tissue, cutter.limits)
        n_tiles = _cut(cutter, codes, candidates, sha256, pool, emit)
        pixels.close()
        _check_readable(path, codes)
        caution = "; ".join(word for word in (slide.caution, odd_glass(thumbnail)) if word)
        columns = columns_of(slide, grid, config, codes, caution) | {
            "stain": stain,
            "stain_source": "user" if said.stain else "guess" if not given else "setting",
            "seconds": time.monotonic() - began,
        }
        header = {"patient": slide.patient, "site": slide.site}
        about = {"columns": columns, "header": header, "shape": [grid.rows, grid.columns], "n_tiles": n_tiles}
        return about, [codes.tobytes(), *pictures_of(thumbnail, mask)]


def _mask(thumbnail: npt.NDArray[np.uint8], tissue: str, colourless: str, slide: Slide) -> npt.NDArray[np.bool_]:
    """Where tissue is looked for: everywhere, by brightness, by darkness or by colour."""
    if tissue == "all":
        return np.ones(thumbnail.shape[:2], bool)
    by = {"fluorescence": bright_mask, "grey": grey_mask}.get(colourless, tissue_mask)
    return by(thumbnail, (slide.mpp or 0) * slide.width / thumbnail.shape[1])


def _cut(
    cutter: _Cutter,
    codes: npt.NDArray[np.uint8],
    candidates: npt.NDArray[np.int64],
    sha256: str,
    pool: Executor,
    emit: Emit,
) -> int:
    """Fill `codes`, emit kept tiles and count them. With a cap, spares are read in rounds until it is full."""
    cap = cutter.config.max_tiles_per_slide
    n_kept = 0
    read = np.empty(0, np.int64)
    while True:
        wanted = choose_capped(candidates, 0 if not cap else len(read) + cap - n_kept, sha256)
        fresh = np.setdiff1d(wanted, read)  # a larger choice contains the smaller one
        if not len(fresh):
            break
        done = len(read)
        for block in pool.map(cutter.cut, cutter.blocks(fresh)):
            kept = []
            for position, reason, tile in block:
                codes[position] = reason
                if tile is not None:
                    kept.append((position, tile))
            n_kept += len(kept)
            done += len(block)
            emit(kept, done, len(candidates) if not cap else len(wanted))
        read = wanted
        if not cap or n_kept >= cap:
            break
    return n_kept


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
        self.limits = Limits(config.max_white, config.min_sharpness, config.max_pen)

    def sample(self, candidates: npt.NDArray[np.int64]) -> list[npt.NDArray[np.uint8]]:
        """Some tiles spread over the tissue."""
        some = candidates[np.linspace(0, len(candidates) - 1, min(_SAMPLE, len(candidates))).astype(np.int64)]
        pixels = self._pixels.fork()
        try:
            tiles = [self._read(pixels, int(position)) for position in some]
        finally:
            pixels.close()
        return [tile for tile in tiles if tile is not None]

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
        tile = self._read(pixels, position)
        if tile is None:
            return position, Reason.UNREADABLE, None
        reason = judge(tile, self.limits)
        if reason is not Reason.KEPT:
            return position, reason, None
        jpeg = simplejpeg.encode_jpeg(tile, quality=self.config.jpeg_quality, colorspace="RGB", colorsubsampling="420")
        x0, y0 = self._place(position)
        return position, reason, CutTile(x0, y0, jpeg)

    def _place(self, position: int) -> tuple[int, int]:
        row, column = divmod(position, self._grid.columns)
        return self._grid.x0(column), self._grid.y0(row)

    def _read(self, pixels: Pixels, position: int) -> npt.NDArray[np.uint8] | None:
        """Pixels of a tile; None when they do not decode."""
        x0, y0 = self._place(position)
        side = max(1, round(self._grid.side0 / self._factor))
        try:
            region = pixels.read(x0 // self._factor, y0 // self._factor, side, side)
        except (ValueError, OSError):  # OpenSlide's own errors arrive as ValueError, see reader
            return None
        return fit(region, self.config.tile_px)
