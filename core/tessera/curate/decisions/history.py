"""The append-only history of decisions: rows in, rows out, nothing is ever changed.

Two people may write at the same time: a decision is checked against the history and written in one transaction that
holds the ledger's write lock, so it always fits what was there before it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tessera.errors import DecisionError
from tessera.runs.rows import Run, open_run
from tessera.workspace.folder import Workspace
from tessera.workspace.ledger import Ledger

_MAX_AUTHOR = 80
NOBODY = "unknown"  # author of decisions of people who gave no name
_ROWS = "SELECT * FROM decision WHERE run_id = ? ORDER BY id"


@dataclass(frozen=True)
class Decision:
    """One row of the history.

    Attributes:
        id: grows with time.
        interval: the clustering that was looked at.
        time: seconds since 1970.
        author: who decided.
        kind: name, note, mark, merge, split, exclude, move, select, label, read, undo or redo.
        cluster: id of the cluster, -1 for decisions that concern none.
        value: the name, note or mark given, empty = taken away.
        payload: everything else of its kind (see `tessera.curate.decisions.decide`).
    """

    id: int
    interval: int
    time: float
    author: str
    kind: str
    cluster: int
    value: str
    payload: dict[str, Any] = field(default_factory=dict)

    @property
    def clusters(self) -> tuple[int, ...]:
        """All clusters that it speaks of, the first first; none for decisions that concern none."""
        first = (self.cluster,) if self.cluster >= 0 else ()
        return (*first, *map(int, self.payload.get("clusters", [])))


@dataclass(frozen=True)
class Draft:
    """A decision that is not written yet; attributes as those of `Decision`."""

    interval: int
    kind: str
    cluster: int = -1
    payload: dict[str, Any] = field(default_factory=dict)


Build = Callable[[tuple[Decision, ...]], Sequence[Draft]]


def append(workspace: Workspace, run: str, author: str, build: Build, *, expected: int | None = None) -> list[Decision]:
    """Write decisions that `build` makes of the history as it is at that moment.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        author: name of the person who decides.
        build: checks what is wanted against the history and gives the rows, or raises; it runs under the write lock, so
            it must be quick.
        expected: the version that the author has seen; None takes whatever is there.

    Returns:
        The decisions written.

    Raises:
        DecisionError: somebody has decided something since `expected`.
        RunError: no such run.
    """
    run_id, who = open_run(workspace, run).id, clean_author(author)
    with workspace.ledger.write() as connection:
        past = tuple(_decision(row) for row in connection.execute(_ROWS, (run_id,)))
        if expected is not None and expected != (past[-1].id if past else 0):
            raise DecisionError(
                f"{past[-1].author if past else 'somebody'} has decided something meanwhile: look at it, then try again"
            )
        drafts = build(past)
        ids = [_insert(connection, run_id, who, draft) for draft in drafts]
        marks = ",".join("?" * len(ids))
        found = connection.execute(f"SELECT * FROM decision WHERE id IN ({marks}) ORDER BY id", ids).fetchall()
    return [_decision(row) for row in found]


def history(workspace: Workspace, run: str) -> list[Decision]:
    """All decisions on a run, oldest first."""
    return list(_past(workspace, run))


def version(workspace: Workspace, run: str) -> int:
    """A number that grows with every decision, to see cheaply whether somebody decided something."""
    return _version(workspace, run)[1]


def snapshot(workspace: Workspace, run: str) -> tuple[tuple[Decision, ...], int, int]:
    """History, row of the run in the ledger and version, all of one moment; empty, 0, 0 for an unknown run."""
    run_id, last = _version(workspace, run)
    return read(workspace.ledger.path, run_id, last), run_id, last


def history_of(run: Run) -> tuple[Decision, ...]:
    """All decisions on a run, oldest first."""
    return read(run.workspace.ledger.path, run.id, version_of(run))


def version_of(run: Run) -> int:
    """A number that grows with every decision on a run."""
    with run.workspace.ledger.read() as connection:
        row = connection.execute("SELECT max(id) AS last FROM decision WHERE run_id = ?", (run.id,)).fetchone()
    return int(row["last"] or 0)


def clean_author(author: str) -> str:
    """A name fit for the history; "unknown" when there is none."""
    return "".join(c for c in author.strip() if c.isprintable())[:_MAX_AUTHOR] or NOBODY


def _past(workspace: Workspace, run: str) -> tuple[Decision, ...]:
    return snapshot(workspace, run)[0]


def _version(workspace: Workspace, run: str) -> tuple[int, int]:
    with workspace.ledger.read() as connection:
        row = connection.execute(
            "SELECT run.id AS run_id, coalesce(max(d.id), 0) AS last FROM run LEFT JOIN decision AS d"
            " ON run.id = d.run_id WHERE run.name = ?",
            (run,),
        ).fetchone()
    return int(row["run_id"] or 0), int(row["last"])


@lru_cache(maxsize=16)
def read(ledger: Path, run_id: int, last: int) -> tuple[Decision, ...]:
    """The history up to a version; it can never change, so it is kept."""
    with Ledger(ledger).read() as connection:
        return tuple(_decision(row) for row in connection.execute(_ROWS, (run_id,)) if row["id"] <= last)


def _insert(connection: sqlite3.Connection, run_id: int, author: str, draft: Draft) -> int:
    cursor = connection.execute(
        "INSERT INTO decision (run_id, interval, time, author, kind, cluster, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            run_id,
            draft.interval,
            time.time(),
            author,
            draft.kind,
            None if draft.cluster < 0 else draft.cluster,
            json.dumps(draft.payload),
        ),
    )
    return int(cursor.lastrowid or 0)


def _decision(row: sqlite3.Row) -> Decision:
    payload = json.loads(row["payload"])
    cluster = -1 if row["cluster"] is None else int(row["cluster"])
    return Decision(
        row["id"],
        row["interval"],
        row["time"],
        row["author"],
        row["kind"],
        cluster,
        str(payload.get("value", "")),
        payload,
    )
