"""Shards into the store and the ledger; one process does it, whoever made the shards."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.ingest.archive.shard import SUFFIX, Shard, read_shard
from tessera.ingest.barcode import parse_barcode
from tessera.ingest.commit import Committer, FinishedSlide, KillPoint, write_slide
from tessera.ingest.report import IngestReport
from tessera.ingest.slide_record import save_pictures
from tessera.workspace.folder import Workspace

_FIRST_COMMIT_S, _SHARE = 5.0, 0.1


def commit_due(since_start_s: float, since_commit_s: float, every_s: float) -> bool:
    """Whether waiting tiles are committed now: soon at first, so that there is something to see, and less often later.

    Args:
        since_start_s: since the ingest began.
        since_commit_s: since the last commit, or the beginning.
        every_s: tiles wait no longer than this.
    """
    return since_commit_s >= min(every_s, max(_FIRST_COMMIT_S, _SHARE * since_start_s))


class Merger:
    """Commits shards, in large steps, and deletes those that are committed.

    Args:
        workspace: where to; its ingest lock is held by the caller and `recover` was called.
        folder: where shards lie.
        commit_tiles: tiles that are committed together.
        commit_every_s: but they wait no longer than this, and less at first; see `commit_due`.
        clock: seconds; tests turn it.
        report: is told the counts.
        at: is told the name of each step; tests kill the process there.
    """

    def __init__(
        self,
        workspace: Workspace,
        folder: Path,
        commit_tiles: int,
        commit_every_s: float,
        report: IngestReport,
        at: KillPoint,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspace, self._folder, self._report, self._at = workspace, folder, report, at
        self._committer = Committer(workspace, commit_tiles, at)
        self._every_s, self._clock = commit_every_s, clock
        self._began = self._committed = clock()
        self._merged: list[Path] = []

    def waiting(self) -> list[Path]:
        """Shards that lie there and were not taken yet."""
        taken = set(self._merged)
        return [path for path in sorted(self._folder.glob(f"*{SUFFIX}")) if path not in taken]

    def merge(self, path: Path) -> None:
        """Take one shard: its tiles go to the committer, a slide without tiles is recorded at once.

        A shard that is taken already, or is gone because it was committed, is passed over.

        Raises:
            StoreError: the shard is damaged, or the store cannot be written.
        """
        if path in self._merged or not path.exists():
            return
        shard = read_shard(path)
        self._merged.append(path)
        with self._workspace.ledger.write() as connection:
            slide_id = _claim(connection, shard)
            if slide_id is None:
                self._give_up(path)
                return
            twin = _twin(connection, shard, slide_id)
        save_pictures(self._workspace, slide_id, shard.thumbnail, shard.mask)
        if twin:
            columns = {**shard.columns, "state": "duplicate", "reason": f"has the same bytes as {twin}"}
            self._finish_without_tiles(path, slide_id, columns, None)
            self._report.duplicates += 1
        elif not shard.tiles.num_rows:
            self._finish_without_tiles(path, slide_id, shard.columns, shard.codes)
            self._report.slides_empty += 1
        else:
            self._add(shard, slide_id)

    def flush_if_due(self) -> None:
        """Commit when tiles have waited long enough."""
        now = self._clock()
        if self._committer.n_waiting and commit_due(now - self._began, now - self._committed, self._every_s):
            self.flush()

    def flush(self) -> None:
        """Commit everything that waits and delete its shards."""
        self._committer.flush()
        self._delete_committed()

    def _add(self, shard: Shard, slide_id: int) -> None:
        n, first = shard.tiles.num_rows, self._committer.next_id
        self._committer.add_rows(shard.rows(first, slide_id))
        columns = {**shard.columns, "first_tile": first}
        self._committer.finish(FinishedSlide(slide_id, columns, shard.codes, n))
        self._report.slides_done += 1
        self._report.tiles_added += n
        self._delete_committed()

    def _delete_committed(self) -> None:
        if not self._committer.n_waiting:
            if self._merged:
                self._committed = self._clock()
            for path in self._merged:
                path.unlink(missing_ok=True)
                self._at("shard deleted")
            self._merged = []

    def _give_up(self, path: Path) -> None:
        """Delete a shard that has nothing to commit."""
        self._merged.remove(path)
        path.unlink(missing_ok=True)

    def _finish_without_tiles(
        self, path: Path, slide_id: int, columns: dict[str, Any], codes: npt.NDArray[np.uint8] | None
    ) -> None:
        with self._workspace.ledger.write() as connection:
            write_slide(connection, slide_id, columns, codes)
            connection.execute(
                "UPDATE remote_slide SET state = 'committed', reason = ?, updated = ? WHERE slide_id = ?",
                (columns["reason"], time.time(), slide_id),
            )
        self._give_up(path)


def _claim(connection: sqlite3.Connection, shard: Shard) -> int | None:
    """Row of the shard's slide in the slide table; None when it is committed already, or nobody asked for it."""
    row = connection.execute("SELECT * FROM remote_slide WHERE file_id = ?", (shard.file_id,)).fetchone()
    if row is None or row["state"] == "committed":
        return None
    code = parse_barcode(row["name"])
    path = f"remote:{shard.file_id}/{row['name']}"
    connection.execute(
        "INSERT OR IGNORE INTO slide (name, path, kind, state, patient, site, project, sample_type, patient_source,"
        " site_source, updated) VALUES (?, ?, 'slide', 'ingesting', ?, ?, ?, ?, ?, ?, ?)",
        (
            Path(row["name"]).stem,
            path,
            code.patient,
            code.site,
            row["project"],
            code.sample_type,
            "barcode" if code.patient else "",
            "barcode" if code.site else "",
            time.time(),
        ),
    )
    slide_id = int(connection.execute("SELECT id FROM slide WHERE path = ?", (path,)).fetchone()["id"])
    # the hash at once, so that the next shard with these bytes is seen to be a twin before this one is committed
    connection.execute("UPDATE slide SET sha256 = ? WHERE id = ?", (shard.columns["sha256"], slide_id))
    connection.execute(
        "UPDATE remote_slide SET slide_id = ?, state = 'tiled', reason = '', bytes_done = size_bytes, updated = ?"
        " WHERE file_id = ?",
        (slide_id, time.time(), shard.file_id),
    )
    return slide_id


def _twin(connection: sqlite3.Connection, shard: Shard, slide_id: int) -> str:
    """Name of another slide with these bytes that has been taken in, or empty."""
    row = connection.execute(
        "SELECT name FROM slide WHERE sha256 = ? AND id != ? AND state != 'duplicate' ORDER BY id",
        (shard.columns["sha256"], slide_id),
    ).fetchone()
    return "" if row is None else str(row["name"])
