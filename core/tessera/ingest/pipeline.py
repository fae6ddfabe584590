"""Slides in, committed tiles out. One broken slide never stops a cohort; killed anywhere, it goes on where it was."""

from __future__ import annotations

import fcntl
import json
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tessera.config import IngestConfig, from_mapping, settings
from tessera.errors import ConfigError, SlideError, StoreError, WorkspaceError
from tessera.ingest.commit import Committer, FinishedSlide, KillPoint, pass_by, recover, write_slide
from tessera.ingest.corrections import Corrections, correct, take_header
from tessera.ingest.cut import CutSlide, Wanted, cut
from tessera.ingest.identity import (
    Known,
    cutting_of,
    differences,
    drop_recuts,
    find_or_add,
    moved_here,
    row_for_recut,
    taken_names,
    twin_of,
    unique_names,
)
from tessera.ingest.report import IngestReport
from tessera.ingest.slide_record import save_pictures
from tessera.ingest.sources.companions import hash_files
from tessera.ingest.sources.find import Found, FoundSlide, find_slides
from tessera.ingest.sources.walk import printable
from tessera.slides.child.children import Children, shared
from tessera.slides.problems import NoResolutionError
from tessera.tiles.store import record_batch
from tessera.workspace import files
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

_CUTTING_KEY = "cutting"
logger = logging.getLogger(__name__)


def ingest(
    workspace: Workspace,
    sources: Iterable[Path],
    config: IngestConfig,
    progress: Progress | None = None,
    at: KillPoint = pass_by,
    *,
    corrections: Corrections | None = None,
    recut: bool = False,
) -> IngestReport:
    """Cut slides into tiles and commit them.

    Slides of a former ingest are left alone; those that failed, were set aside, or gave no tile with other settings are
    tried again.

    Args:
        workspace: the workspace to write to.
        sources: slides, or folders of slides.
        config: size and resolution (fixed by the first ingest of a workspace), thresholds, cap, budgets of a slide.
        progress: is told of slides and grid positions.
        at: is told the name of each step; tests kill the process there.
        corrections: what the user says of slides against their files; it stays in the ledger.
        recut: cut slides again whose tiles were cut with other settings; their old tiles stay for the runs that have
            them, new runs leave them out.

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
    children = shared()
    children.warm()
    with single_writer(workspace):
        recover(workspace)
        drop_recuts(workspace)
        fix_tile_spec(workspace, config)
        keep_settings(workspace, config)
        told.update("looking for slides", 0, 0)
        found = find_slides(sources, children)
        _report_found(workspace, found, report, sources)
        committer = Committer(workspace, config.commit_tiles, at)
        work = _SlideIngest(workspace, config, committer, report, recut)
        names = unique_names(found.slides, taken_names(workspace))
        for number, (slide, name) in enumerate(zip(found.slides, names, strict=True)):
            told.update("slides", number, len(names))
            known = find_or_add(workspace, slide, name)
            if corrections is not None:
                known = correct(workspace, slide.path, known, corrections)
            work.run(slide, known, children, told)
        committer.flush()
        told.update("slides", len(names), len(names))
    report.seconds = time.monotonic() - began
    return report


class _SlideIngest:
    """Takes one slide from file to committer, and every way that it can go wrong into the ledger."""

    def __init__(
        self, workspace: Workspace, config: IngestConfig, committer: Committer, report: IngestReport, recut: bool
    ) -> None:
        self._workspace, self._config, self._committer, self._report = workspace, config, committer, report
        self._recut = recut
        self._waiting: set[int] = set()  # rows whose tiles wait in the committer, or were committed in this ingest

    def run(self, slide: FoundSlide, known: Known, children: Children, told: Progress) -> None:
        if self._is_finished(slide, known):
            self._report.skipped += 1
            return
        slide_id = known.id
        try:
            sha256, size_bytes = hash_files(slide.files)
            older = moved_here(self._workspace, slide, sha256, known)
            if older is not None:
                known, slide_id = older, older.id
                if self._is_finished(slide, known):
                    self._report.skipped += 1
                    self._report.ignored.append((slide.path.name, "is known from another place: its path was renewed"))
                    return
            twin = "" if known.state == "done" else twin_of(self._workspace, sha256, known.id, self._waiting)
            if twin:
                self._report.duplicates += 1
                reason = f"has the same bytes as {twin}"
                self._record(slide_id, "duplicate", reason, sha256=sha256, size_bytes=size_bytes)
                return
            replaces = known.id if known.state == "done" else None
            if replaces is not None:
                slide_id = row_for_recut(self._workspace, known)
            self._record(slide_id, "ingesting", "", sha256=sha256, size_bytes=size_bytes)
            words = f"tiles of {slide.path.name}"
            done = cut(
                children,
                Wanted(slide.path, sha256, known.mpp, known.stain),
                self._config,
                lambda n, of: told.update(words, n, of),
            )
            self._keep(slide_id, slide.path, done, replaces)
        except NoResolutionError as error:
            self._report.slides_set_aside += 1
            self._problem(slide_id, "set_aside", slide.path, error.reason)
        except SlideError as error:
            self._report.slides_failed += 1
            self._problem(slide_id, "failed", slide.path, error.reason)
        except (StoreError, WorkspaceError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and files.is_no_room(error):
                raise WorkspaceError(f"{self._workspace.root} is full: free some space and start again") from error
            logger.exception("%s failed", slide.path)
            self._report.slides_failed += 1
            self._problem(slide_id, "failed", slide.path, f"cannot be read: {error}")

    def _is_finished(self, slide: FoundSlide, known: Known) -> bool:
        """Whether nothing is to be done for a slide; says so when it was cut otherwise than is asked for now."""
        if known.state == "duplicate":  # of a slide that has tiles; else it is tried itself
            return bool(twin_of(self._workspace, known.sha256, known.id, self._waiting))
        if known.state not in ("done", "empty"):
            return False
        other = differences(known.cut_with, self._config)
        if known.state == "empty":  # nothing is lost when it is tried with other settings
            return not other
        if other and not self._recut:
            self._report.cut_otherwise.append((slide.path.name, ", ".join(other)))
        return not (other and self._recut)

    def _keep(self, slide_id: int, path: Path, cut: CutSlide, replaces: int | None) -> None:
        save_pictures(self._workspace, slide_id, cut.thumbnail, cut.mask)
        columns = {**cut.columns, "cut_with": cutting_of(self._config)}
        take_header(self._workspace, slide_id, cut.header)
        if not cut.tiles:
            if replaces is not None:
                drop_recuts(self._workspace)
                self._report.problems.append((path.name, f"keeps its old tiles: cut again, {columns['reason']}"))
                return
            with self._workspace.ledger.write() as connection:
                write_slide(connection, slide_id, columns, cut.codes)
            self._report.slides_empty += 1
            self._report.problems.append((path.name, columns["reason"]))
            return
        columns["first_tile"] = self._committer.next_id
        rows = ((tile.x0, tile.y0, cut.side0, -1, "", tile.jpeg) for tile in cut.tiles)
        self._committer.add_rows(record_batch(self._committer.next_id, slide_id, rows))
        self._committer.finish(FinishedSlide(slide_id, columns, cut.codes, len(cut.tiles), replaces))
        self._waiting.add(slide_id)
        self._report.note(path.name, columns["reason"])
        self._report.slides_done += 1
        self._report.tiles_added += len(cut.tiles)

    def _problem(self, slide_id: int, state: str, path: Path, reason: str) -> None:
        self._report.problems.append((path.name, reason))
        self._record(slide_id, state, reason)

    def _record(self, slide_id: int, state: str, reason: str, **columns: Any) -> None:
        with self._workspace.ledger.write() as connection:
            write_slide(connection, slide_id, {"state": state, "reason": reason, **columns})


def _report_found(workspace: Workspace, found: Found, report: IngestReport, sources: Iterable[Path]) -> None:
    """Tell and record what was found and is no slide."""
    with workspace.ledger.write() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO rejected_file VALUES (?, ?, ?)",
            [(printable(path), reason, time.time()) for path, reason in found.broken + found.others],
        )
    report.problems += [(printable(Path(path.name)), reason) for path, reason in found.broken]
    report.ignored += [(printable(Path(path.name)), reason) for path, reason in found.others]
    report.slides_failed += len(found.broken)
    if not found.slides and not found.broken:
        where = ", ".join(map(str, sources))
        report.problems.append((where, "holds no slides; for ready-made tile images use --tiles FOLDER"))


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
            raise WorkspaceError(f"another ingest is running in {workspace.root}: wait for it, or end it") from error
        yield


def config_of(workspace: Workspace) -> IngestConfig:
    """The workspace's own settings: size and resolution of its tiles, and how slides were cut last.

    Else the defaults.
    """
    with workspace.ledger.read() as connection:
        stored = {row["key"]: row["value"] for row in connection.execute("SELECT key, value FROM meta")}
    if "tile_mpp" not in stored:
        return IngestConfig()
    own: dict[str, Any] = {"mpp": float(stored["tile_mpp"])}
    own |= {name: int(float(stored[name])) for name in ("tile_px", "overlap")}
    known = settings(IngestConfig)
    own |= {name: value for name, value in json.loads(stored.get(_CUTTING_KEY, "{}")).items() if name in known}
    return from_mapping(IngestConfig, own)


def keep_settings(workspace: Workspace, config: IngestConfig) -> None:
    """Let the next ingest that names no settings cut as this one."""
    own = {**json.loads(cutting_of(config)), "default_mpp": config.default_mpp}
    with workspace.ledger.write() as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_CUTTING_KEY, json.dumps(own)))


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
