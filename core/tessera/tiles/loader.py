"""Tiles from the store to the network: decoded and augmented by threads, in the order that the caller asked for.

Threads instead of processes: JPEG decoding, OpenCV and the store all release the GIL, Lance cannot be forked, and
nothing has to be started again when labels change. The caller hands over a new array of tile numbers for every pass,
which is all that relabelling costs here.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import simplejpeg

from tessera.tiles.augment.view import Augment, Image, View, ViewBatch, resize
from tessera.tiles.window import Windows

logger = logging.getLogger(__name__)

_AHEAD = 2  # batches in flight per thread
_UNUSED = 2  # references to an array of _Arrays that no batch uses: the list's, and the argument of their count
_READ = 512  # tiles that are asked of the store at a time, at least: fewer cost more each


class TileSource(Protocol):
    """What the loader needs of a store."""

    def batch(self, ids: npt.NDArray[np.int64]) -> list[bytes]:
        """JPEG bytes in the order of `ids`."""


@dataclass(frozen=True)
class Batch:
    """Some tiles, ready for the network.

    Attributes:
        ids: int64 (B,), tile numbers; tiles that do not decode are left out.
        images: uint8 (crops * B, 3, H, W), RGB; the first views of all tiles, then the second ones. Where views are
            left to the device: whole tiles, uint8 (B, 3, S, S). In memory colours come last, as decoders give them and
            convolutions like them.
        n_broken: tiles left out.
        newest: bool (B,), false where a tile comes again later in the batch of all ranks.
        views: the crops * B views that the device shall make of the tiles; None = `images` are the views.
    """

    ids: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]
    n_broken: int
    newest: npt.NDArray[np.bool_]
    views: ViewBatch | None = None


class TileLoader:
    """One loader lives as long as its run.

    Args:
        source: the tile store.
        tile_px: side of the images.
        threads: decoding threads; 0 takes one per core.
        share: (rank, world) of this process: of each augmented batch it loads every world-th tile.
    """

    def __init__(self, source: TileSource, tile_px: int, threads: int = 0, share: tuple[int, int] = (0, 1)) -> None:
        self._source, self._tile_px, self._share = source, tile_px, share
        self._threads = threads or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(self._threads, "load")
        self._arrays = _Arrays()

    @property
    def source(self) -> TileSource:
        """The tile store."""
        return self._source

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def plain(self, ids: npt.NDArray[np.int64], batch_size: int) -> Iterator[Batch]:
        """Tiles as they are, scaled, in the order of `ids`."""
        return self._run(ids, batch_size, None, 0)

    def augmented(
        self,
        ids: npt.NDArray[np.int64],
        batch_size: int,
        augment: Augment,
        *,
        seed: tuple[int, ...],
        start_batch: int = 0,
        crops: int = 1,
        window: int = 0,
        on_device: bool = False,
    ) -> Iterator[Batch]:
        """Random views of tiles in the order of `ids`.

        The view at a position of the pass depends on `seed` and the position alone: neither the number of threads nor
        starting at a later batch changes it.

        Args:
            ids: int64 (M,), tile numbers, repeats allowed.
            batch_size: tiles a batch, over all ranks; the last one may be smaller.
            augment: makes the views.
            seed: whole numbers, say (seed of the run, interval).
            start_batch: batches to pass over, when a pass is resumed.
            crops: views of each tile.
            window: when `ids` were ordered by `tessera.tiles.window.in_windows`, its windows; 0 reads as fast as a disk
                without heads can.
            on_device: views are drawn, and left to `tessera.learn.features.device_views` to make. Tiles of a batch that
                differ in size from its first one are scaled to that.
        """
        views = _Views(augment, seed, crops, on_device)
        return self._run(ids, batch_size, views, start_batch, window)

    def _run(
        self, ids: npt.NDArray[np.int64], batch_size: int, views: _Views | None, start_batch: int, window: int = 0
    ) -> Iterator[Batch]:
        waiting: deque[Future[Batch]] = deque()
        rank, world = self._share if views is not None else (0, 1)
        own, place = ids, start_batch * batch_size  # place in the list of this rank's tiles
        if world > 1:
            mine = np.arange(len(ids)) % batch_size % world == rank
            own, place = ids[mine], int(np.count_nonzero(mine[:place]))
        in_flight = -(-batch_size // world) * self._threads * _AHEAD
        windows = Windows(self._source.batch, own, max(1, window // world) if window else max(_READ, in_flight))
        try:
            for start in range(start_batch * batch_size, len(ids), batch_size):
                stop = min(start + batch_size, len(ids))
                positions, newest = np.arange(start, stop)[rank::world], _last_ones(ids[start:stop])[rank::world]
                waiting.append(self._pool.submit(self._load, windows, place, ids[positions], newest, positions, views))
                place += len(positions)
                if len(waiting) >= self._threads * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            windows.close()
            self._arrays.forget()

    def _load(
        self,
        windows: Windows,
        place: int,
        ids: npt.NDArray[np.int64],
        newest: npt.NDArray[np.bool_],
        positions: npt.NDArray[np.int64],
        views: _Views | None,
    ) -> Batch:
        shown = _Shown(len(ids), self._tile_px, views, self._arrays)
        good = np.ones(len(ids), bool)
        for i, jpeg in enumerate(windows.batch(place, ids)):
            try:
                # the decoder shrinks for free to an eighth, quarter, ... while more than `enough` pixels are left
                tile = simplejpeg.decode_jpeg(jpeg, min_height=shown.enough, min_width=shown.enough, min_factor=2)
            except ValueError as error:
                logger.warning("tile %d does not decode and is left out: %s", ids[i], error)
                good[i] = False
                continue
            shown.add(tile, i, int(positions[i]))
        return Batch(ids[good], shown.images(good), int((~good).sum()), newest[good], shown.left_to_device())


def _last_ones(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where each number stands for the last time, bool (B,)."""
    last = np.zeros(len(ids), bool)
    last[len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]] = True
    return last


@dataclass(frozen=True)
class _Views:
    """How the tiles of a pass are shown."""

    augment: Augment
    seed: tuple[int, ...]
    crops: int
    on_device: bool


class _Arrays:
    """Arrays of batches, used again once nobody holds them: the system charges for memory that is new."""

    def __init__(self) -> None:
        self._made: list[npt.NDArray[np.uint8]] = []
        self._lock = threading.Lock()

    def empty(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """A uint8 array of a shape, with anything in it."""
        with self._lock:
            # views of an array and tensors made of it hold it
            free = [place for place in range(len(self._made)) if sys.getrefcount(self._made[place]) == _UNUSED]
            for place in free:
                if self._made[place].shape == shape:
                    return self._made[place]
            self._made = [array for place, array in enumerate(self._made) if place not in free]  # of another pass
            self._made.append(np.empty(shape, np.uint8))
            return self._made[-1]

    def forget(self) -> None:
        """Keep none; those in use live on."""
        with self._lock:
            self._made = []


class _Shown:
    """The images of a batch, as its tiles come.

    Args:
        n_tiles: of the batch.
        tile_px: side of a view.
        views: how tiles are shown; None = as they are.
        arrays: gives the memory.
    """

    def __init__(self, n_tiles: int, tile_px: int, views: _Views | None, arrays: _Arrays) -> None:
        self._n_tiles, self._tile_px, self._views, self._arrays = n_tiles, tile_px, views, arrays
        self._images: npt.NDArray[np.uint8] | None = None  # (views, B, H, W, 3)
        self._left: list[list[View]] = []  # of each tile, for the device
        self.enough = tile_px if views is None else int(tile_px / views.augment.crop_scale**0.5) + 1

    def add(self, tile: Image, place: int, position: int) -> None:
        """Show a tile, the `place`-th of the batch and the `position`-th of the pass."""
        made = self._made(tile, position)
        if self._images is None:
            self._images = self._arrays.empty((len(made), self._n_tiles, *made[0].shape))
        for view, image in enumerate(made):
            self._images[view, place] = image

    def images(self, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Of the tiles that decoded."""
        if self._images is None:
            return np.empty((0, 3, self._tile_px, self._tile_px), np.uint8)
        kept = self._images if good.all() else self._images[:, good]
        return kept.reshape(-1, *kept.shape[2:]).transpose(0, 3, 1, 2)

    def left_to_device(self) -> ViewBatch | None:
        """First views of all tiles, then second ones; None when they are made."""
        if self._views is None or not self._views.on_device:
            return None
        return ViewBatch.of([views[crop] for crop in range(self._views.crops) for views in self._left])

    def _made(self, tile: Image, position: int) -> list[Image]:
        if self._views is None:
            return [resize(tile, self._tile_px)]
        augment, rng = self._views.augment, np.random.default_rng((*self._views.seed, position))
        if not self._views.on_device:
            return [augment(tile, rng) for _ in range(self._views.crops)]
        square = resize(tile, tile.shape[0] if self._images is None else self._images.shape[2])
        height, width = square.shape[:2]
        self._left.append([augment.draw(height, width, rng) for _ in range(self._views.crops)])
        return [square]
