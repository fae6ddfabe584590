"""How a worker talks to the ledger: progress, figures, events, and what it is asked to do."""

from __future__ import annotations

import logging
import os
import signal
import time
from types import FrameType

from tessera.runs.figures import write_event, write_figures
from tessera.runs.rows import Run
from tessera.workspace.folder import Workspace

logger = logging.getLogger(__name__)

_EVERY_S = 0.4


class StopRequestedError(Exception):
    """The run has been asked to stop; caught at the edge of the worker after saving."""


class Reporter:
    """The worker's side of a run's row. SIGTERM counts as being asked to stop.

    Args:
        workspace: the workspace of the run.
        run: the run.
        silent: tell and ask nothing, since another process of the same run does.
    """

    def __init__(self, workspace: Workspace, run: Run, *, silent: bool = False) -> None:
        self.workspace, self._run, self._silent = workspace, run, silent
        self._looked = 0.0
        self._requested = "run"
        signal.signal(signal.SIGTERM, self._on_term)

    def state(self, state: str, message: str = "") -> None:
        """Set the run's state."""
        if self._silent:
            return
        finished = time.time() if state in ("finished", "failed", "stopped") else None
        with self.workspace.ledger.write() as connection:
            connection.execute(
                "UPDATE run SET state = ?, message = ?, heartbeat = ?, finished = ? WHERE id = ?",
                (state, message, time.time(), finished, self._run.id),
            )

    def heartbeat(self, phase: str, progress: float, rate: float) -> None:
        """Tell progress, and obey: wait while paused, at most every 0.4 s.

        Raises:
            StopRequestedError: the run shall stop.
        """
        if self._silent:
            return
        if time.monotonic() - self._looked < _EVERY_S and self._requested != "stop":
            return
        self._tell(phase, progress, rate)
        while self._requested == "pause":
            self.state("paused")
            time.sleep(_EVERY_S / 2)
            self._tell(phase, progress, 0)
            if self._requested != "pause":
                self.state("running")
        if self._requested == "stop":
            raise StopRequestedError

    def interval_done(self, interval: int) -> None:
        """Record that the files of a clustering are complete."""
        if self._silent:
            return
        with self.workspace.ledger.write() as connection:
            connection.execute("UPDATE run SET interval = ? WHERE id = ?", (interval, self._run.id))

    def figures(self, interval: int, step: int, values: dict[str, float]) -> None:
        """Record figures; figures of the same step are replaced (a resumed run measures them again)."""
        if self._silent:
            return
        with self.workspace.ledger.write() as connection:
            write_figures(connection, self._run.id, values, interval=interval, step=step)

    def event(self, level: str, text: str) -> None:
        """Say something in words, in the ledger and the log."""
        if self._silent:
            return
        logger.info("%s: %s", level, text)
        with self.workspace.ledger.write() as connection:
            write_event(connection, self._run.id, level, text)

    def _tell(self, phase: str, progress: float, rate: float) -> None:
        self._looked = time.monotonic()
        with self.workspace.ledger.write() as connection:
            connection.execute(
                "UPDATE run SET phase = ?, progress = ?, rate = ?, heartbeat = ?, pid = ? WHERE id = ?",
                (phase, progress, rate, time.time(), os.getpid(), self._run.id),
            )
            if self._requested != "stop":
                row = connection.execute("SELECT want FROM run WHERE id = ?", (self._run.id,)).fetchone()
                self._requested = row["want"]

    def _on_term(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is Python's
        self._requested = "stop"
