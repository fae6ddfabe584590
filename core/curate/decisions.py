"""What people decided about clusters: append-only, with author and time; the present state is read from the history.

Clusters keep their ids from interval to interval, so a name given at one interval stands at all later ones.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from core import runs
from core.errors import TesseraError
from core.workspace import Workspace

_MAX_NAME = 80


@dataclass(frozen=True)
class Decision:
    """One row of the history.

    Attributes:
        id: grows with time.
        interval: the clustering that was looked at.
        time: seconds since 1970.
        author: who decided.
        kind: name.
        cluster: id of the cluster.
        value: the name given, empty = taken away.
    """

    id: int
    interval: int
    time: float
    author: str
    kind: str
    cluster: int
    value: str


def name_cluster(workspace: Workspace, run: str, interval: int, cluster: int, name: str, *, author: str) -> None:
    """Name a cluster; an empty name takes the name away.

    Raises:
        TesseraError: the name is too long or has line breaks.
        RunError: no such run.
    """
    cleaned = name.strip()
    if len(cleaned) > _MAX_NAME or not cleaned.isprintable():
        raise TesseraError(f"a name has at most {_MAX_NAME} printable characters")
    run_id = runs.get(workspace, run).id
    with workspace.ledger.write() as connection:
        connection.execute(
            "INSERT INTO decision (run_id, interval, time, author, kind, cluster, payload)"
            " VALUES (?, ?, ?, ?, 'name', ?, ?)",
            (run_id, interval, time.time(), author.strip() or "unknown", cluster, json.dumps({"value": cleaned})),
        )


def history(workspace: Workspace, run: str) -> list[Decision]:
    """All decisions on a run, oldest first."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT d.* FROM decision AS d JOIN run ON run.id = d.run_id WHERE run.name = ? ORDER BY d.id", (run,)
        ).fetchall()
    return [
        Decision(
            row["id"], row["interval"], row["time"], row["author"], row["kind"], row["cluster"],
            str(json.loads(row["payload"])["value"]),
        )
        for row in rows
    ]  # fmt: skip


def names(workspace: Workspace, run: str) -> dict[int, str]:
    """The present name of every named cluster."""
    present = {decision.cluster: decision.value for decision in history(workspace, run) if decision.kind == "name"}
    return {cluster: name for cluster, name in present.items() if name}


def copy_names(workspace: Workspace, source: str, target: str) -> int:
    """Give the clusters of another run the present names of this one, each by the author who gave it.

    Args:
        workspace: where both are.
        source: the run with the names.
        target: a run whose cluster ids mean the same, of `tessera assign` say.

    Returns:
        How many were copied.

    Raises:
        RunError: no such run.
    """
    authors = {decision.cluster: decision.author for decision in history(workspace, source)}
    present = names(workspace, source)
    for cluster, name in present.items():
        name_cluster(workspace, target, 0, cluster, name, author=authors[cluster])
    return len(present)


def version(workspace: Workspace, run: str) -> int:
    """A number that grows with every decision, to see cheaply whether somebody decided something."""
    with workspace.ledger.read() as connection:
        row = connection.execute(
            "SELECT coalesce(max(d.id), 0) AS last FROM decision AS d JOIN run ON run.id = d.run_id WHERE run.name = ?",
            (run,),
        ).fetchone()
    return int(row["last"])
