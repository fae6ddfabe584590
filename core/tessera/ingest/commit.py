"""Tiles into the store and the ledger, exactly once.

Order: fragments written and synced; the intent (`pending_commit`) in the ledger; the store's commit; one ledger
transaction that makes the slides done and removes the intent. After a kill at any line `recover` finds either the
intent with the store at its old length (forget it: the slides are cut again) or at its new length (finish the ledger).
"""

from __future__ import annotations

import base64
import json
import sqlite3
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tessera.errors import StoreError
from tessera.slides.quality import Reason
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

KillPoint = Callable[[str], None]


def pass_by(point: str) -> None:
    """The kill point of ordinary life: does nothing."""


@dataclass(frozen=True)
class FinishedSlide:
    """What the ledger learns of a slide when its tiles are committed.

    Attributes:
        slide_id: its row.
        columns: column name to value of the slide table.
        codes: uint8 (rows, columns) of `Reason`, or None for ready-made tiles.
        n_tiles: tiles added.
        replaces: the row whose place it takes (it was cut again), or None.
    """

    slide_id: int
    columns: dict[str, Any]
    codes: npt.NDArray[np.uint8] | None
    n_tiles: int
    replaces: int | None = None


class Committer:
    """Collects finished slides and commits them together.

    Args:
        workspace: the workspace to write to.
        commit_tiles: how many tiles are held in memory at most.
        at: is told the name of each step; tests kill the process there.
    """

    def __init__(self, workspace: Workspace, commit_tiles: int, at: KillPoint = pass_by) -> None:
        self._workspace, self._limit, self._at = workspace, commit_tiles, at
        self._store = TileStore(workspace.tiles_path)
        self._before = self.next_id = workspace.n_tiles()
        self._batches: list[pa.RecordBatch] = []
        self._fragments: list[str] = []
        self._slides: list[FinishedSlide] = []

    @property
    def n_waiting(self) -> int:
        """Slides that are finished and not committed yet."""
        return len(self._slides)

    def add_rows(self, batch: pa.RecordBatch) -> None:
        """Take tiles numbered from `next_id`; written to disk, not yet committed, when there are many."""
        self._batches.append(batch)
        self.next_id += batch.num_rows
        if sum(held.num_rows for held in self._batches) >= self._limit:
            self._spill()

    def finish(self, slide: FinishedSlide) -> None:
        """Take a slide whose tiles have all been added; commits when enough tiles wait."""
        self._slides.append(slide)
        if self.next_id - self._before >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Commit everything that waits."""
        if not self._slides:
            return
        self._spill()
        self._at("fragments written")
        payload = [_to_json(slide) for slide in self._slides]
        with self._workspace.ledger.write() as connection:
            connection.execute(
                "INSERT INTO pending_commit VALUES (1, ?, ?, ?)", (self._before, self.next_id, json.dumps(payload))
            )
        self._at("intent recorded")
        self._store.commit(self._fragments)
        self._at("store committed")
        with self._workspace.ledger.write() as connection:
            _finish(connection, payload, self.next_id)
        self._at("ledger committed")
        self._before, self._fragments, self._slides = self.next_id, [], []

    def _spill(self) -> None:
        if self._batches:
            self._fragments += self._store.write(self._batches)
            self._batches = []


def recover(workspace: Workspace) -> None:
    """Finish or forget a commit that a kill interrupted, and see that store and ledger count the same tiles.

    Raises:
        StoreError: the store has another length than the ledger knows: somebody else wrote, or one of them is an old
            copy.
    """
    with workspace.ledger.write() as connection:
        pending = connection.execute("SELECT * FROM pending_commit").fetchone()
        official = connection.execute("SELECT value FROM meta WHERE key = 'n_tiles'").fetchone()
        before = pending["n_before"] if pending else int(official["value"]) if official else 0
        length = len(TileStore(workspace.tiles_path))
        if pending and length == pending["n_after"]:
            _finish(connection, json.loads(pending["payload"]), length)
        elif length == before:
            connection.execute("DELETE FROM pending_commit")
        else:  # the next tiles would get numbers that are not their rows
            expected = f"{before} or {pending['n_after']}" if pending else str(before)
            raise StoreError(
                f"{workspace.tiles_path} holds {length} tiles where {expected} are expected: "
                "restore the workspace from a copy, or ingest into a new one"
            )


def _finish(connection: sqlite3.Connection, payload: list[dict[str, Any]], n_tiles: int) -> None:
    for slide in payload:
        write_slide(connection, slide["slide_id"], slide["columns"], _codes(slide), slide["n_tiles"])
        if slide.get("replaces") is not None:
            _replace(connection, slide["replaces"], slide["slide_id"])
        connection.execute(
            "UPDATE remote_slide SET state = 'committed', reason = '', updated = ? WHERE slide_id = ?",
            (time.time(), slide["slide_id"]),
        )
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('n_tiles', ?)", (str(n_tiles),))
    connection.execute("DELETE FROM pending_commit")


def _replace(connection: sqlite3.Connection, old: int, new: int) -> None:
    """A slide that was cut again.

    The new row takes the path of the old one, whose tiles stay for the runs that have them.
    """
    path = connection.execute("SELECT path FROM slide WHERE id = ?", (old,)).fetchone()["path"]
    connection.execute(
        "UPDATE slide SET path = ?, state = 'replaced', reason = 'was cut again with other settings', replaced_by = ?"
        " WHERE id = ?",
        (f"{path}#replaced-{old}", new, old),
    )
    connection.execute("UPDATE slide SET path = ? WHERE id = ?", (path, new))


def write_slide(
    connection: sqlite3.Connection,
    slide_id: int,
    columns: dict[str, Any],
    codes: npt.NDArray[np.uint8] | None = None,
    n_tiles: int = 0,
) -> None:
    """Update a slide's row and the counts of its grid."""
    values = {**columns, "updated": time.time()}
    if codes is not None:
        values |= {
            "grid": zlib.compress(codes.tobytes(), 6),
            "grid_rows": codes.shape[0],
            "grid_columns": codes.shape[1],
        }
        counts = np.bincount(codes.ravel(), minlength=len(Reason))
        connection.execute("DELETE FROM grid_count WHERE slide_id = ?", (slide_id,))
        connection.executemany(
            "INSERT INTO grid_count VALUES (?, ?, ?)",
            [(slide_id, reason.label, int(counts[reason])) for reason in Reason if counts[reason]],
        )
    names = ", ".join(f"{name} = ?" for name in values)
    connection.execute(
        f"UPDATE slide SET {names}, n_tiles = n_tiles + ? WHERE id = ?", (*values.values(), n_tiles, slide_id)
    )


def _to_json(slide: FinishedSlide) -> dict[str, Any]:
    codes = None
    if slide.codes is not None:
        codes = [*slide.codes.shape, base64.b64encode(zlib.compress(slide.codes.tobytes())).decode()]
    return {
        "slide_id": slide.slide_id,
        "columns": slide.columns,
        "codes": codes,
        "n_tiles": slide.n_tiles,
        "replaces": slide.replaces,
    }


def _codes(slide: dict[str, Any]) -> npt.NDArray[np.uint8] | None:
    if slide["codes"] is None:
        return None
    rows, columns, packed = slide["codes"]
    return np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(rows, columns)
