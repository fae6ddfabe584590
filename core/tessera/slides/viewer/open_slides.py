"""The few slides that are open for looking at.

The last ones used stay open, the others are closed when nobody reads.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tessera.errors import SlideError
from tessera.slides.viewer.deepzoom import DeepZoom

GONE = "the file is no longer there: put it back to zoom in; its overview, tiles and clusters are kept in the workspace"
_Stamp = tuple[str, int, int]


@dataclass
class _Open:
    """An open slide and how many threads read it."""

    zoom: DeepZoom
    readers: int = 0
    dropped: bool = False


class OpenSlides:
    """A bounded set of open slides, shared by threads.

    Args:
        most: slides that stay open while nobody reads them.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: OrderedDict[_Stamp, _Open] = OrderedDict()

    def __len__(self) -> int:
        """Slides that are kept open."""
        return len(self._open)

    @contextmanager
    def use(self, path: Path, overview: Path | None = None) -> Iterator[DeepZoom]:
        """A slide, opened if it is not; it stays open at least until the block ends.

        Args:
            path: the slide.
            overview: its stored overview, see `DeepZoom`.

        Raises:
            SlideError: the file is gone or cannot be opened.
        """
        entry = self._take(stamp_of(path), overview)
        try:
            yield entry.zoom
        finally:
            with self._lock:
                entry.readers -= 1
                over = entry.zoom if entry.dropped and not entry.readers else None
            if over is not None:
                over.close()

    def close(self) -> None:
        """Close all that nobody reads; the others when their readers are done."""
        with self._lock:
            unread = [self._drop(stamp) for stamp in list(self._open)]
        _close(unread)

    def _take(self, stamp: _Stamp, overview: Path | None) -> _Open:
        with self._lock:
            if stamp not in self._open:  # opening takes milliseconds, so that others may wait
                self._open[stamp] = _Open(DeepZoom(Path(stamp[0]), overview))
            self._open.move_to_end(stamp)
            entry = self._open[stamp]
            entry.readers += 1
            older = [old for old in self._open if old[0] == stamp[0] and old != stamp]  # a file that was replaced
            excess = [old for old in list(self._open)[: max(0, len(self._open) - self._most)] if old not in older]
            unread = [self._drop(old) for old in (*older, *excess)]
        _close(unread)
        return entry

    def _drop(self, stamp: _Stamp) -> DeepZoom | None:
        """Forget a slide; it is returned if nobody reads it."""
        entry = self._open.pop(stamp)
        entry.dropped = True
        return None if entry.readers else entry.zoom


def _close(zooms: list[DeepZoom | None]) -> None:
    for zoom in zooms:
        if zoom is not None:
            zoom.close()


def stamp_of(path: Path) -> _Stamp:
    """The file and its state, so that a replaced file is opened anew.

    Raises:
        SlideError: it is gone.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - of a series of DICOM files it is the folder's
    except OSError as error:
        raise SlideError(str(path), GONE) from error
    return str(path), state.st_mtime_ns, state.st_size
