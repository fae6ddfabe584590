"""The few exceptions of Tessera's own: each says what is wrong and what to do about it."""

from __future__ import annotations


class TesseraError(Exception):
    """An error with a message meant for the person at the keyboard; the command line prints it without a traceback."""


class ConfigError(TesseraError):
    """A setting is unknown, of the wrong type or out of its bounds."""


class WorkspaceError(TesseraError):
    """The workspace is missing, of another schema, or not writable."""


class StoreError(TesseraError):
    """The tile store cannot be read or written."""


class RunError(TesseraError):
    """A run cannot be started, continued or read."""


class AccessError(TesseraError):
    """Somebody who may look wants to change something."""


class DecisionError(TesseraError):
    """A decision on clusters does not fit what has been decided before it."""


class SlideError(TesseraError):
    """One slide cannot be used.

    Attributes:
        path: the slide's file.
        reason: one sentence for the ledger and the cohort page.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
