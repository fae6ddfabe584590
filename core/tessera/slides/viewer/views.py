"""Slides to look at, read by child processes: a file that was swapped for poison ends a child and not the server."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tessera.errors import SlideError
from tessera.slides.child.child import Budget
from tessera.slides.child.children import Children, PoisonError
from tessera.slides.viewer.open_slides import stamp_of

_BUDGET = Budget(seconds=120, silence=120)
_TASKS = "tessera.slides.viewer.served"


class SlideViews:
    """Tiles and surroundings of slides; threads may share it. Children start with the first request and stay.

    Args:
        most: children, and so requests that are answered at the same time.
    """

    def __init__(self, most: int = 2) -> None:
        self._children = Children(idle=most, most=most)
        self._poison: dict[Any, str] = {}
        self._lock = threading.Lock()

    def tile(self, path: Path, overview: Path, level: int, column: int, row: int) -> bytes:
        """A tile of the slide's pyramid as JPEG (see `DeepZoom.tile`); the caller sees that there is such a tile.

        Raises:
            SlideError: the file is gone, cannot be opened, or this part of it does not decode.
        """
        return self._ask("tile", path, overview, (level, column, row))

    def around(self, path: Path, overview: Path, x0: int, y0: int, side0: int) -> bytes:
        """A square of the slide with its surroundings as JPEG (see `DeepZoom.around`); raises as `tile`."""
        return self._ask("around", path, overview, (x0, y0, side0))

    def close(self) -> None:
        """End the children."""
        self._children.close()

    def _ask(self, what: str, path: Path, overview: Path, place: tuple[int, int, int]) -> bytes:
        stamp = stamp_of(path)
        with self._lock:
            if stamp in self._poison:  # it has ended two processes already
                raise SlideError(str(path), self._poison[stamp])
        arguments = {"path": str(path), "overview": str(overview), "place": list(place)}
        try:
            _, (jpeg,) = self._children.ask(f"{_TASKS}:{what}", arguments, _BUDGET)
        except PoisonError as error:
            with self._lock:
                self._poison[stamp] = error.reason
            raise
        return jpeg
