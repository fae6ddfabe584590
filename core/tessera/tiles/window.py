"""Stretches of a pass are read ahead of the batches that show them: one read of many tiles costs half of many reads.

Windows for hard disks and network storage are the same, but large, and each lies together in the store. A pass over
tiles drawn at random asks a disk that has to move its head for some hundred tiles a second. Here the drawn list is cut
into windows of neighbours in the store; windows come in random order, and so do the tiles within one. What is drawn
does not change, only when a tile's turn comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

_CHUNK = 2048  # tiles that are asked of the store at a time
_KEPT = 1  # windows kept behind the newest that was asked for: batches in flight may still need them

Ids = npt.NDArray[np.int64]
Read = Callable[[Ids], list[bytes]]


def in_windows(ids: Ids, window: int, rng: np.random.Generator) -> Ids:
    """A drawn list, reordered so that each `window` entries in a row lie together in the store.

    Args:
        ids: int64 (M,), tile numbers, repeats allowed.
        window: entries of a window, at least 1. A rest that fills none comes last; where it is cut out is drawn.
        rng: decides the order of windows, and of tiles within each.
    """
    n_whole, rest = divmod(len(ids), window)
    short = int(rng.integers(n_whole + 1)) * window
    ordered = np.sort(ids)
    ordered = np.concatenate([ordered[:short], ordered[short + rest :], ordered[short : short + rest]])
    starts = [*rng.permutation(n_whole) * window, n_whole * window]
    return np.concatenate([rng.permutation(ordered[start : start + window]) for start in starts])


class Windows:
    """Serves batches of a list from memory, window by window; the next window is read meanwhile.

    At most three windows are held, some 17 kB a tile of 224 px. Threads may ask at the same time.

    Args:
        read: of the store: JPEG bytes in the order of tile numbers.
        ids: the list, or the part of it that this process asks for, in the order in which it does.
        window: entries of a window in that list; at least as many as are asked for at the same time, or some are read
            twice.
    """

    def __init__(self, read: Read, ids: Ids, window: int) -> None:
        self._read, self._ids, self._window = read, ids, window
        self._pool = ThreadPoolExecutor(1, "window")
        self._held: dict[int, Future[tuple[Ids, list[bytes]]]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def batch(self, start: int, ids: Ids) -> list[bytes]:
        """JPEG bytes of a stretch of the list.

        Args:
            start: its place in the list.
            ids: its tile numbers.
        """
        found: list[bytes] = []
        for number in range(start // self._window, -(-(start + len(ids)) // self._window)):
            first = number * self._window - start
            own = ids[max(0, first) : first + self._window]
            tiles, data = self._take(number).result()
            found += [data[place] for place in np.searchsorted(tiles, own)]
        return found

    def close(self) -> None:
        """Let everything go; what is being read ends with its chunk."""
        with self._lock:
            self._closed = True
            self._held.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _take(self, number: int) -> Future[tuple[Ids, list[bytes]]]:
        with self._lock:
            for wanted in (number, number + 1):
                if wanted * self._window < len(self._ids) and wanted not in self._held:
                    self._held[wanted] = self._pool.submit(self._load, wanted)
            for old in [held for held in self._held if held < number - _KEPT]:
                del self._held[old]
            return self._held[number]

    def _load(self, number: int) -> tuple[Ids, list[bytes]]:
        """Tile numbers in order, each once, and their bytes."""
        tiles = np.unique(self._ids[number * self._window : (number + 1) * self._window])
        data: list[bytes] = []
        for start in range(0, len(tiles), _CHUNK):
            if self._closed:
                break
            data += self._read(tiles[start : start + _CHUNK])
        return tiles, data
