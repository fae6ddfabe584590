"""Figures, events and the log of a run: what its worker writes and everybody reads."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tessera.runs.rows import Run


@dataclass(frozen=True)
class Metric:
    """One measured figure; `step` counts training batches over the whole run."""

    name: str
    interval: int
    step: int
    value: float
    time: float


@dataclass(frozen=True)
class Event:
    """Something worth saying in words. level: info, advice, warning or error."""

    time: float
    level: str
    text: str


def metrics(run: Run, after_time: float = 0) -> list[Metric]:
    """Figures written after a moment, oldest first.

    Args:
        run: the run.
        after_time: seconds since 1970; 0 gives all.
    """
    with run.workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT name, interval, step, value, time FROM metric WHERE run_id = ? AND time > ? ORDER BY time",
            (run.id, after_time),
        ).fetchall()
    return [Metric(**dict(row)) for row in rows]


def events(run: Run, limit: int = 100) -> list[Event]:
    """The last events of a run, newest first."""
    with run.workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT time, level, text FROM event WHERE run_id = ? ORDER BY id DESC LIMIT ?", (run.id, limit)
        ).fetchall()
    return [Event(**dict(row)) for row in rows]


def log_tail(run: Run, lines: int = 40) -> str:
    """The end of the worker's log."""
    path = run.folder.log_path
    if not path.is_file():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def write_event(connection: sqlite3.Connection, run_id: int, level: str, text: str) -> None:
    """Add an event to a run within a transaction.

    Args:
        connection: connection with the open transaction.
        run_id: row of the run.
        level: info, advice, warning or error.
        text: one sentence or more.
    """
    connection.execute(
        "INSERT INTO event (run_id, time, level, text) VALUES (?, ?, ?, ?)", (run_id, time.time(), level, text)
    )


def write_figures(
    connection: sqlite3.Connection, run_id: int, values: Mapping[str, float], *, interval: int = 0, step: int = 0
) -> None:
    """Write figures of a run within a transaction; figures of the same step are replaced.

    Args:
        connection: connection with the open transaction.
        run_id: row of the run.
        values: name to value.
        interval: the clustering that they belong to.
        step: training batches so far.
    """
    now = time.time()
    connection.executemany(
        "INSERT OR REPLACE INTO metric (run_id, name, interval, step, value, time) VALUES (?, ?, ?, ?, ?, ?)",
        [(run_id, name, interval, step, float(value), now) for name, value in values.items()],
    )
