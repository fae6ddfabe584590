"""The ledger's side of a streaming ingest: the queue, the states of slides, what is wanted and how far it is."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from tessera import config as configuration
from tessera.config import IngestConfig, StreamConfig
from tessera.errors import WorkspaceError
from tessera.ingest.archive.catalogue import Catalogue, RemoteSlide, from_row
from tessera.slides.problems import NO_RESOLUTION
from tessera.workspace.activity import is_alive
from tessera.workspace.folder import Workspace

STATES = ("queued", "reserved", "downloading", "verifying", "tiling", "tiled", "committed", "failed", "set_aside")
UNFINISHED = ("queued", "reserved", "downloading", "verifying", "tiling")
WANTS = ("run", "pause", "stop")
_RETRIES = "stream_retries"
_TWIN, _RETIRED = "has the same bytes as", "was retired; its present version is listed too"  # fetching these is in vain


@dataclass(frozen=True)
class StreamRow:
    """The streaming ingest of a workspace as the ledger knows it.

    Attributes:
        source: what it reads, in words.
        ingest: settings for cutting slides.
        stream: settings for downloading slides.
        state: running, paused, stopped, finished or failed.
        want: run, pause or stop.
        alive: whether its process is there and at work.
        message: why it waits or ended, or empty.
        slides_held: bytes reserved for slides.
        high_water: most bytes that were reserved at once.
        tiles_kept: bytes of kept tiles.
        rate: bytes fetched a second.
        started: seconds since 1970.
    """

    source: str
    ingest: IngestConfig
    stream: StreamConfig
    state: str
    want: str
    alive: bool
    message: str
    slides_held: int
    high_water: int
    tiles_kept: int
    rate: float
    started: float


@dataclass(frozen=True)
class StateTotal:
    """Slides in one state."""

    slides: int
    bytes: int


def read_stream(workspace: Workspace) -> StreamRow | None:
    """The streaming ingest, or None when the workspace never had one. One whose process is gone is failed."""
    with workspace.ledger.read() as connection:
        row = connection.execute("SELECT * FROM stream").fetchone()
    if row is None:
        return None
    state, message = row["state"], row["message"]
    at_work = state in ("running", "paused")
    alive = at_work and is_alive(row["pid"], row["pid_started"])
    if at_work and not alive:
        state, message = "failed", "its process ended unexpectedly; resume continues from there"
    configs = json.loads(row["config"])
    return StreamRow(
        row["source"],
        configuration.from_mapping(IngestConfig, configs["ingest"]),
        configuration.from_mapping(StreamConfig, configs["stream"]),
        state,
        row["want"],
        alive,
        message,
        row["slides_held"],
        row["high_water"],
        row["tiles_kept"],
        row["rate"],
        row["started"],
    )


def request(workspace: Workspace, want: str) -> None:
    """Ask the streaming ingest to run, pause or stop.

    Raises:
        WorkspaceError: there is none, or it is not at work and can be neither paused nor stopped.
    """
    row = read_stream(workspace)
    if row is None:
        raise WorkspaceError("this workspace has no archive ingest: start one with `tessera ingest gdc: --project P`")
    if want != "run" and not row.alive:
        raise WorkspaceError("the archive ingest is not running: `tessera ingest --go-on` starts it again")
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE stream SET want = ?", (want,))


def retry_failed(workspace: Workspace, reason: str | None = None) -> int:
    """Put slides that failed or were set aside back into the queue.

    Args:
        workspace: the workspace they belong to.
        reason: only those with this reason; None takes all but twins of other slides.

    Returns:
        How many.
    """
    if reason is not None:
        return _queue_again(workspace, "reason = ?", reason)
    return _queue_again(workspace, "reason NOT LIKE ? AND reason != ?", f"{_TWIN} %", _RETIRED)


def retry_without_resolution(workspace: Workspace) -> int:
    """Put slides back into the queue that were set aside because they record no mpp; returns how many."""
    return _queue_again(workspace, "reason LIKE ?", f"{NO_RESOLUTION}%")


def _queue_again(workspace: Workspace, which: str, *values: str) -> int:
    # without an md5: entries that were rejected unread can only come back by a better list
    where = f"state IN ('failed', 'set_aside') AND md5 != '' AND {which}"
    with workspace.ledger.write() as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_RETRIES, str(time.time())))
        return connection.execute(
            (
                "UPDATE remote_slide SET state = 'queued', reason = '', rounds = 0, retry_at = 0, updated = ? WHERE "
                f"{where}"
            ),
            (time.time(), *values),
        ).rowcount


def totals(workspace: Workspace) -> dict[str, StateTotal]:
    """Slides and bytes in each state that has any, in the order of `STATES`."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT state, count(*) AS n, sum(size_bytes) AS b FROM remote_slide GROUP BY state"
        ).fetchall()
    found = {row["state"]: StateTotal(row["n"], row["b"]) for row in rows}
    return {state: found[state] for state in STATES if state in found}


def n_unfinished(workspace: Workspace) -> int:
    """Slides that wait or are under way."""
    return sum(total.slides for state, total in totals(workspace).items() if state in UNFINISHED)


def troubles(workspace: Workspace) -> list[tuple[str, str, int, str]]:
    """(state, reason, number, one name) of slides that failed or were set aside, the most frequent first."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT state, reason, count(*) AS n, min(name) AS name FROM remote_slide"
            " WHERE state IN ('failed', 'set_aside') GROUP BY state, reason ORDER BY n DESC, reason"
        ).fetchall()
    return [(row["state"], row["reason"], row["n"], row["name"]) for row in rows]


class StreamLedger:
    """Writes for the one process that coordinates; safe to use from several threads.

    Args:
        workspace: where.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def begin(self, source: str, ingest: IngestConfig, stream: StreamConfig, *, goes_on: bool = False) -> None:
        """Record that this process works from now on; slides that a kill left in the middle are queued again.

        Args:
            source: what is read, in words.
            ingest: settings for cutting slides.
            stream: settings for downloading slides.
            goes_on: whether a queue of before is gone on with, so that its high-water mark stays.
        """
        config = json.dumps({"ingest": configuration.as_dict(ingest), "stream": configuration.as_dict(stream)})
        now = time.time()
        marks = ", ".join("?" * len(UNFINISHED))
        with self._workspace.ledger.write() as connection:
            connection.execute(
                "INSERT INTO stream (id, source, config, state, want, pid, pid_started, started, updated)"
                " VALUES (1, ?, ?, 'running', 'run', ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET source = "
                "excluded.source,"
                " config = excluded.config, state = 'running', want = 'run', message = '', pid = excluded.pid,"
                " pid_started = excluded.pid_started, started = excluded.started, updated = excluded.updated",
                (source, config, os.getpid(), psutil.Process().create_time(), now, now),
            )
            connection.execute(f"UPDATE remote_slide SET state = 'queued' WHERE state IN ({marks})", UNFINISHED)
            if not goes_on:
                connection.execute("UPDATE stream SET high_water = 0")

    def add(self, catalogue: Catalogue) -> None:
        """Queue what is new; addresses of what waits are renewed; rejected entries are set aside with their reason."""
        now = time.time()
        with self._workspace.ledger.write() as connection:
            for slide in catalogue.slides:
                _add_slide(connection, slide, now)
            connection.executemany(
                "INSERT INTO remote_slide (file_id, name, size_bytes, md5, urls, state, reason, updated)"
                " VALUES (?, ?, 0, '', '[]', 'set_aside', ?, ?) ON CONFLICT (file_id) DO NOTHING",
                [(f"rejected: {name}", name, reason, now) for name, reason in catalogue.rejected],
            )
            if catalogue.release:
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('gdc_release', ?)", (catalogue.release,))

    def queued(self) -> list[tuple[RemoteSlide, int, float]]:
        """All slides that wait, by id: (slide, rounds that were in vain, not before)."""
        with self._workspace.ledger.read() as connection:
            rows = connection.execute("SELECT * FROM remote_slide WHERE state = 'queued' ORDER BY file_id").fetchall()
        return [(from_row(row), row["rounds"], row["retry_at"]) for row in rows]

    def say(
        self, file_id: str, state: str, reason: str = "", *, rounds: int | None = None, retry_at: float = 0
    ) -> None:
        """Record the state of a slide. A slide that is committed stays so."""
        with self._workspace.ledger.write() as connection:
            connection.execute(
                "UPDATE remote_slide SET state = ?, reason = ?, rounds = coalesce(?, rounds), retry_at = ?, updated = "
                "?,"
                " bytes_done = iif(? IN ('queued', 'failed', 'set_aside'), 0, bytes_done)"
                " WHERE file_id = ? AND state != 'committed'",
                (state, reason, rounds, retry_at, time.time(), state, file_id),
            )

    def renewed(self, old: RemoteSlide, new: RemoteSlide) -> bool:
        """Put the present version in the place of a retired slide; False when it is listed already."""
        with self._workspace.ledger.write() as connection:
            known = connection.execute("SELECT 1 FROM remote_slide WHERE file_id = ?", (new.file_id,)).fetchone()
            if known is not None:
                connection.execute(
                    "UPDATE remote_slide SET state = 'set_aside', reason = ?, updated = ? WHERE file_id = ?",
                    (_RETIRED, time.time(), old.file_id),
                )
                return False
            connection.execute(
                "UPDATE remote_slide SET file_id = ?, name = ?, size_bytes = ?, md5 = ?, urls = ?, state = 'queued',"
                " reason = '', updated = ? WHERE file_id = ?",
                (new.file_id, new.name, new.size_bytes, new.md5, json.dumps(new.urls), time.time(), old.file_id),
            )
            return True

    def rest(self) -> None:
        """This process ends.

        Slides of which no byte has come wait again, those of which some have are partly fetched.
        """
        with self._workspace.ledger.write() as connection:
            connection.execute(
                "UPDATE remote_slide SET state = iif(bytes_done > 0, 'downloading', 'queued')"
                " WHERE state IN ('reserved', 'downloading')"
            )

    def report(self, moved: Mapping[str, int], **columns: Any) -> None:
        """Record bytes that are on disk of slides under way, and columns of the stream's row."""
        with self._workspace.ledger.write() as connection:
            connection.executemany(
                "UPDATE remote_slide SET bytes_done = ? WHERE file_id = ?", [(n, name) for name, n in moved.items()]
            )
            values = {**columns, "updated": time.time()}
            names = ", ".join(f"{name} = ?" for name in values)
            connection.execute(f"UPDATE stream SET {names}", tuple(values.values()))

    def high_water(self) -> int:
        """The most bytes that were reserved at once for this queue."""
        with self._workspace.ledger.read() as connection:
            return int(connection.execute("SELECT high_water FROM stream").fetchone()["high_water"])

    def want(self) -> str:
        """What this ingest is asked to do."""
        with self._workspace.ledger.read() as connection:
            return str(connection.execute("SELECT want FROM stream").fetchone()["want"])

    def retries(self) -> str:
        """A mark that changes when somebody has put slides back into the queue."""
        with self._workspace.ledger.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (_RETRIES,)).fetchone()
        return "" if row is None else str(row["value"])

    def state_of(self, file_ids: Iterable[str]) -> dict[str, str]:
        """States of some slides."""
        with self._workspace.ledger.read() as connection:
            found = {
                name: connection.execute("SELECT state FROM remote_slide WHERE file_id = ?", (name,)).fetchone()
                for name in file_ids
            }
        return {name: row["state"] for name, row in found.items() if row is not None}


def _add_slide(connection: sqlite3.Connection, slide: RemoteSlide, now: float) -> None:
    twin = connection.execute(
        "SELECT name FROM remote_slide WHERE md5 = ? AND file_id != ? AND state = 'committed'",
        (slide.md5, slide.file_id),
    ).fetchone()
    state, reason = ("queued", "") if twin is None else ("set_aside", f"{_TWIN} {twin['name']}")
    connection.execute(
        "INSERT INTO remote_slide (file_id, name, size_bytes, md5, urls, project, state, reason, updated)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (file_id) DO UPDATE SET urls = excluded.urls,"
        " size_bytes = excluded.size_bytes, md5 = excluded.md5 WHERE state NOT IN ('tiled', 'committed')",
        (
            slide.file_id,
            slide.name,
            slide.size_bytes,
            slide.md5,
            json.dumps(slide.urls),
            slide.project,
            state,
            reason,
            now,
        ),
    )
