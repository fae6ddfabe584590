"""What is being done in a workspace right now, apart from training: written by the worker, read by every page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Both, Progress, Silent

_WRITE_EVERY_S = 0.5


@dataclass(frozen=True)
class Activity:
    """One piece of work.

    Attributes:
        id: row in the ledger.
        kind: ingest, map, export, cluster, assign or demo.
        run: name of the run it works on, or empty.
        state: running, done or failed; work whose process is gone is failed.
        phase: what it is doing, in words.
        done: units finished.
        total: units in all, 0 when not known.
        message: why it failed, empty otherwise.
        started: seconds since 1970.
        updated: seconds since 1970.
    """

    id: int
    kind: str
    run: str
    state: str
    phase: str
    done: int
    total: int
    message: str
    started: float
    updated: float


@contextmanager
def track(workspace: Workspace, kind: str, *, run: str = "", also: Progress | None = None) -> Iterator[Progress]:
    """Record a piece of work in the ledger while the block runs, and its failure when the block raises.

    Args:
        workspace: the workspace to record it in.
        kind: what kind of work.
        run: the run that it works on.
        also: another listener, a progress bar say.
    """
    now = time.time()
    with workspace.ledger.write() as connection:
        row = connection.execute(
            "INSERT INTO activity (kind, run, state, pid, pid_started, started, updated)"
            " VALUES (?, ?, 'running', ?, ?, ?, ?)",
            (kind, run, os.getpid(), psutil.Process().create_time(), now, now),
        ).lastrowid
    recorder = _Recorder(workspace, int(row or 0))
    try:
        yield Both(recorder, also or Silent())
    except BaseException as error:
        recorder.finish("failed", str(error) or type(error).__name__)
        raise
    recorder.finish("done", "")


def failed_unseen(workspace: Workspace, kind: str, pid: int, *, since: float, message: str) -> None:
    """Record that a process failed, unless it has recorded work of its own.

    Args:
        workspace: the workspace to record it in.
        kind: what it was to do.
        pid: its number.
        since: it was started then; seconds since 1970.
        message: why it failed.
    """
    now = time.time()
    with workspace.ledger.write() as connection:
        connection.execute(
            "INSERT INTO activity (kind, run, state, message, pid, pid_started, started, updated)"
            " SELECT ?, '', 'failed', ?, ?, ?, ?, ? WHERE NOT EXISTS"
            " (SELECT 1 FROM activity WHERE pid = ? AND updated >= ?)",
            (kind, message, pid, since, since, now, pid, since),
        )


def recent(workspace: Workspace, limit: int = 20) -> list[Activity]:
    """The last pieces of work, newest first."""
    with workspace.ledger.read() as connection:
        rows = connection.execute("SELECT * FROM activity ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    found = []
    for row in rows:
        lost = row["state"] == "running" and not is_alive(row["pid"], row["pid_started"])
        fields = {name: row[name] for name in Activity.__dataclass_fields__}
        if lost:
            fields |= {"state": "failed", "message": "the process ended before it was done; start it again to go on"}
        found.append(Activity(**fields))
    return found


def is_alive(pid: int | None, pid_started: float | None) -> bool:
    """Whether the process with this number is still the one that was started then (numbers are used again)."""
    if pid is None or pid_started is None:
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - pid_started) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class _Recorder:
    """Writes progress to the ledger, at most every half second."""

    def __init__(self, workspace: Workspace, row: int) -> None:
        self._workspace = workspace
        self._row = row
        self._written = 0.0
        self._phase = ""

    def update(self, phase: str, done: int, total: int) -> None:
        if phase == self._phase and done < total and time.monotonic() - self._written < _WRITE_EVERY_S:
            return
        self._phase, self._written = phase, time.monotonic()
        with self._workspace.ledger.write() as connection:
            connection.execute(
                "UPDATE activity SET phase = ?, done = ?, total = ?, updated = ? WHERE id = ?",
                (phase, done, total, time.time(), self._row),
            )

    def finish(self, state: str, message: str) -> None:
        with self._workspace.ledger.write() as connection:
            connection.execute(
                "UPDATE activity SET state = ?, message = ?, updated = ? WHERE id = ?",
                (state, message, time.time(), self._row),
            )
