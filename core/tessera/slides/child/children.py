"""A few children that stay alive from task to task.

A task that kills one is tried once more, then its slide is at fault.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from typing import Any

from tessera.errors import SlideError
from tessera.slides.child.child import Budget, Child, ChildDiedError, OverMemoryError, Told
from tessera.slides.child.wire import Buffers

TRIES = 2


class PoisonError(SlideError):
    """The slide ended the process that read it, twice."""


class ClosedError(Exception):
    """The children were dismissed while a task was going on."""


class Children:
    """Lends children to threads; makes them when they are needed and replaces those that died.

    Args:
        idle: children that are kept for the next task.
        most: tasks that are done at the same time; others wait. 0 sets no limit.
    """

    def __init__(self, idle: int = 2, most: int = 0) -> None:
        self._most_idle = idle
        self._free = threading.BoundedSemaphore(most) if most else contextlib.nullcontext()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Start one child now, so that the first task need not wait for it."""
        with self._lock:
            if not self._idle:
                self._idle.append(Child())

    def ask(
        self, task: str, arguments: dict[str, Any], budget: Budget, told: Told | None = None
    ) -> tuple[dict[str, Any], Buffers]:
        """Have a task done by a child, twice if need be (see `Child.ask`).

        `told` may hear the words of a first try that came to nothing, and then those of the second.

        Raises:
            ClosedError: `close` was called meanwhile.
            PoisonError: two children died of it.
            SlideError: the task says that the slide is at fault, or it ran out of memory.
        """
        with self._free:
            return self._ask(task, arguments, budget, told)

    def _ask(
        self, task: str, arguments: dict[str, Any], budget: Budget, told: Told | None
    ) -> tuple[dict[str, Any], Buffers]:
        deaths: list[str] = []
        while True:
            child = self._take(own=bool(deaths))
            try:
                answer = child.ask(task, arguments, budget, told)
            except ChildDiedError as death:
                self._forget(child)
                if self._closed:
                    raise ClosedError from death
                deaths.append(str(death))
                if len(deaths) == TRIES:
                    raise PoisonError(str(arguments.get("path", "")), _poison(deaths)) from death
                continue
            except OverMemoryError:
                self._forget(child)
                child.kill()  # what a native library left behind counts against the next slide
                raise
            except BaseException:
                self._give_back(child)
                raise
            self._give_back(child)
            return answer

    def close(self) -> None:
        """End all children at once; tasks under way raise `ClosedError`."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.end()
        for child in idle:
            with contextlib.suppress(OSError):
                child.kill()

    def _take(self, own: bool) -> Child:
        """An idle child that lives, or a new one; a second try has a new one."""
        with self._lock:
            if self._closed:
                raise ClosedError
            child = Child() if own or not self._idle else self._idle.pop()
            if not child.alive:  # it died while nobody asked it
                child.kill()
                child = Child()
            self._busy.add(child)
            return child

    def _forget(self, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)

    def _give_back(self, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)
            if child.alive and len(self._idle) < self._most_idle and not self._closed:
                self._idle.append(child)
                return
        child.kill()


def _poison(deaths: list[str]) -> str:
    """One sentence about a slide of which two processes died."""
    how = deaths[0] if deaths[0] == deaths[1] else f"{deaths[0]}, then {deaths[1]}"
    return (
        f"the process that read it {how}, {TRIES} times: the file is damaged or made to do harm; "
        "fetch it again, or convert it with another program"
    )


_SHARED: dict[int, Children] = {}


def shared() -> Children:
    """The children of this process; they end with it."""
    pid = os.getpid()  # a fork has none of its parent's
    if pid not in _SHARED:
        _SHARED[pid] = Children()
        atexit.register(_SHARED[pid].close)
    return _SHARED[pid]
