"""Slides in, committed tiles out. One broken slide never stops a cohort; killed anywhere, it goes on where it was."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from tessera.config import IngestConfig
from tessera.errors import ConfigError, SlideError, WorkspaceError
from tessera.ingest.barcode import parse_barcode
from tessera.ingest.commit import Committer, FinishedSlide, KillPoint, pass_by, recover, write_slide
from tessera.ingest.report import IngestReport
from tessera.ingest.slide_record import NO_TILE, columns_of, pictures_of, save_pictures
from tessera.ingest.slide_task import CutSlide, NoResolutionError, cut_slide
from tessera.ingest.sources import find_slides, hash_slide
from tessera.tiles.store import record_batch
from tessera.workspace import files
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

logger = logging.getLogger(__name__)

FINISHED = ("done", "empty", "duplicate")


def ingest(
    workspace: Workspace,
    sources: Iterable[Path],
    config: IngestConfig,
    progress: Progress | None = None,
    at: KillPoint = pass_by,
) -> IngestReport:
    """Cut slides into tiles and commit them.

    Slides of a former ingest are left alone; those that failed or were set aside are tried again.

    Args:
        workspace: where to.
        sources: slides, or folders of slides.
        config: size and resolution (fixed by the first ingest of a workspace), thresholds, cap.
        progress: hears of slides and grid positions.
        at: hears the name of each step; tests kill the process there.

    Returns:
        Counts, and every problem by name.

    Raises:
        ConfigError: another tile size or resolution than the workspace has.
        WorkspaceError: another ingest is at work.
        StoreError: the disk is full or the store is damaged; committed slides are safe.
    """
    began = time.monotonic()
    told = progress or Silent()
    report = IngestReport()
    with single_writer(workspace):
        recover(workspace)
        fix_tile_spec(workspace, config)
        told.update("looking for slides", 0, 0)
        slides, broken, others = find_slides(sources)
        _record_rejected(workspace, broken + others)
        report.problems += [(path.name, reason) for path, reason in broken]
        report.ignored += [(path.name, reason) for path, reason in others]
        report.slides_failed += len(broken)
        if not slides and not broken:
            where = ", ".join(map(str, sources))
            report.problems.append((where, "holds no slides; for ready-made tile images use --tiles FOLDER"))
        committer = Committer(workspace, config.commit_tiles, at)
        threads = config.threads or len(os.sched_getaffinity(0))
        with ThreadPoolExecutor(threads, "cut") as pool:
            for number, path in enumerate(slides):
                told.update("slides", number, len(slides))
                _SlideIngest(workspace, config, committer, report).run(path, pool, told)
        committer.flush()
        told.update("slides", len(slides), len(slides))
    report.seconds = time.monotonic() - began
    return report


class _SlideIngest:
    """Takes one slide from file to committer, and every way that it can go wrong into the ledger."""

    def __init__(self, workspace: Workspace, config: IngestConfig, committer: Committer, report: IngestReport) -> None:
        self._workspace, self._config, self._committer, self._report = workspace, config, committer, report

    def run(self, path: Path, pool: ThreadPoolExecutor, told: Progress) -> None:
        slide_id, state = _find_or_add(self._workspace, path)
        if state in FINISHED:
            self._report.skipped += 1
            return
        try:
            sha256, size_bytes = hash_slide(path)
            known = self._known_as(sha256, slide_id)
            self._record(slide_id, "ingesting", "", sha256=sha256, size_bytes=size_bytes)
            if known:
                self._report.duplicates += 1
                self._record(slide_id, "duplicate", f"has the same bytes as {known}")
                return
            cut = cut_slide(
                path, sha256, self._config, pool, lambda done, total: told.update(f"tiles of {path.name}", done, total)
            )
            self._keep(slide_id, path, cut)
        except NoResolutionError as error:
            self._report.slides_set_aside += 1
            self._problem(slide_id, "set_aside", path, error.reason)
        except SlideError as error:
            self._report.slides_failed += 1
            self._problem(slide_id, "failed", path, error.reason)
        except (OSError, ValueError, cv2.error) as error:
            if isinstance(error, OSError) and files.is_no_room(error):
                raise WorkspaceError(f"{self._workspace.root} has no room left: make some and start again") from error
            logger.exception("%s failed", path)
            self._report.slides_failed += 1
            self._problem(slide_id, "failed", path, f"cannot be read: {error}")

    def _keep(self, slide_id: int, path: Path, cut: CutSlide) -> None:
        save_pictures(self._workspace, slide_id, *pictures_of(cut))
        columns = columns_of(cut)
        if not cut.tiles:
            with self._workspace.ledger.write() as connection:
                write_slide(connection, slide_id, columns, cut.codes)
            self._report.slides_empty += 1
            self._report.problems.append((path.name, NO_TILE))
            return
        columns["first_tile"] = self._committer.next_id
        rows = ((tile.x0, tile.y0, cut.grid.side0, -1, "", tile.jpeg) for tile in cut.tiles)
        self._committer.add_rows(record_batch(self._committer.next_id, slide_id, rows))
        self._committer.finish(FinishedSlide(slide_id, columns, cut.codes, len(cut.tiles)))
        self._report.note(path.name, columns["reason"])
        self._report.slides_done += 1
        self._report.tiles_added += len(cut.tiles)

    def _known_as(self, sha256: str, slide_id: int) -> str:
        """Path of another slide with these bytes, or empty."""
        with self._workspace.ledger.read() as connection:
            row = connection.execute(
                "SELECT path FROM slide WHERE sha256 = ? AND id != ? AND state != 'duplicate' ORDER BY id",
                (sha256, slide_id),
            ).fetchone()
        return "" if row is None else str(row["path"])

    def _problem(self, slide_id: int, state: str, path: Path, reason: str) -> None:
        self._report.problems.append((path.name, reason))
        self._record(slide_id, state, reason)

    def _record(self, slide_id: int, state: str, reason: str, **columns: Any) -> None:
        with self._workspace.ledger.write() as connection:
            write_slide(connection, slide_id, {"state": state, "reason": reason, **columns})


@contextmanager
def single_writer(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's ingest lock; the kernel frees it when the process ends, however it ends.

    Raises:
        WorkspaceError: another process holds it.
    """
    with (workspace.root / ".ingest.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorkspaceError(f"another ingest is at work in {workspace.root}: wait for it, or end it") from error
        yield


def config_of(workspace: Workspace) -> IngestConfig:
    """Settings that agree with the tiles that the workspace has; the defaults when it has none."""
    with workspace.ledger.read() as connection:
        stored = {
            row["key"]: float(row["value"])
            for row in connection.execute("SELECT * FROM meta WHERE key IN ('tile_mpp', 'tile_px', 'overlap')")
        }
    if not stored:
        return IngestConfig()
    return IngestConfig(mpp=stored["tile_mpp"], tile_px=int(stored["tile_px"]), overlap=int(stored["overlap"]))


def fix_tile_spec(workspace: Workspace, config: IngestConfig) -> None:
    """Fix size, resolution and overlap of the workspace's tiles at the first ingest.

    Raises:
        ConfigError: the workspace has other values.
    """
    wanted = {"tile_mpp": config.mpp, "tile_px": float(config.tile_px), "overlap": float(config.overlap)}
    with workspace.ledger.write() as connection:
        for key, value in wanted.items():
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            if row is None:
                connection.execute("INSERT INTO meta VALUES (?, ?)", (key, repr(value)))
            elif float(row["value"]) != value:
                raise ConfigError(
                    f"this workspace has {key}={float(row['value']):g}, not {value:g}: "
                    "ingest with its value, or into a new workspace"
                )


def _find_or_add(workspace: Workspace, path: Path) -> tuple[int, str]:
    code = parse_barcode(path.name)
    with workspace.ledger.write() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO slide (name, path, kind, state, patient, site, sample_type, updated)"
            " VALUES (?, ?, 'slide', 'found', ?, ?, ?, ?)",
            (path.stem, str(path), code.patient, code.site, code.sample_type, time.time()),
        )
        row: sqlite3.Row = connection.execute("SELECT id, state FROM slide WHERE path = ?", (str(path),)).fetchone()
    return int(row["id"]), str(row["state"])


def _record_rejected(workspace: Workspace, rejected: list[tuple[Path, str]]) -> None:
    with workspace.ledger.write() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO rejected_file VALUES (?, ?, ?)",
            [(str(path), reason, time.time()) for path, reason in rejected],
        )
