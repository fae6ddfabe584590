"""How long work tells how far it is: one small protocol, so that terminal, ledger and tests can listen."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Something that wants to hear how far a piece of work is."""

    def update(self, phase: str, done: int, total: int) -> None:
        """Hear of progress.

        Args:
            phase: what is being done, in words for the person who waits.
            done: units finished so far.
            total: units in all, 0 when not known yet.
        """


class Silent:
    """Nobody listens."""

    def update(self, phase: str, done: int, total: int) -> None:
        """Do nothing."""


class Both:
    """Two listeners, told in order."""

    def __init__(self, first: Progress, second: Progress) -> None:
        self._listeners = (first, second)

    def update(self, phase: str, done: int, total: int) -> None:
        """Tell both."""
        for listener in self._listeners:
            listener.update(phase, done, total)
