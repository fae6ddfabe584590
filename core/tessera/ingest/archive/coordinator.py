"""Stream an archive through a small disk: list, fetch, verify, cut, commit, delete, all at the same time.

Killed at any line it goes on where it was and ends with the same tiles, byte for byte.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tessera.config import IngestConfig, StreamConfig
from tessera.errors import ConfigError
from tessera.ingest.archive.budget import Budget
from tessera.ingest.archive.catalogue import Source
from tessera.ingest.archive.crew import Crew
from tessera.ingest.archive.download import Downloader
from tessera.ingest.archive.gdc import Renewer, read_token
from tessera.ingest.archive.ledger import UNFINISHED, StreamLedger, read_stream, retry_without_resolution, totals
from tessera.ingest.archive.machines import Folders, Place
from tessera.ingest.archive.merge import Merger
from tessera.ingest.archive.plan import check_budget, enough, size_words
from tessera.ingest.archive.shard import shard_path
from tessera.ingest.archive.worker import Board, StreamWorker
from tessera.ingest.commit import KillPoint, pass_by, recover
from tessera.ingest.pipeline import fix_tile_spec, single_writer
from tessera.ingest.report import IngestReport
from tessera.words import counted
from tessera.workspace.files import tree_bytes
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

logger = logging.getLogger(__name__)

_TICK_S, _LISTEN_EVERY_S, _TELL_EVERY_S = 0.1, 0.3, 1.0
_RATE_OVER_S = 20.0
_OBSTACLES = {
    "floor": "waiting: the volume has less free space than the floor; free some, or lower --set free_floor",
    "disk": "waiting: the disk is full; free some space",
    "tiles": "waiting: kept tiles have reached their budget until other workers have finished",
}


def stream(
    workspace: Workspace,
    source: Source | None,
    config: StreamConfig,
    ingest: IngestConfig,
    *,
    progress: Progress | None = None,
    at: KillPoint = pass_by,
    place: Place | None = None,
    free: Callable[[], int] | None = None,
) -> IngestReport:
    """Take a source into the workspace, slide by slide.

    Args:
        workspace: the workspace to write to.
        source: what to take in; None goes on with what is queued.
        config: budgets, connections, waits.
        ingest: how slides are cut; size and resolution are fixed by the first ingest of a workspace.
        progress: is told of finished slides.
        at: is told the name of each step; tests kill the process there.
        place: which of several workers this is; this function is for rank 0, see `tessera.ingest.archive.crew` for the
            others.
        free: free bytes of the volume; the real ones when None.

    Returns:
        Counts, and every slide that could not be taken in, with its reason.

    Raises:
        ConfigError: nothing matches, a slide does not fit into the budget, or another tile size than the workspace has.
        WorkspaceError: another ingest is at work.
        StoreError: the disk is full or the store is damaged; committed slides are safe.
    """
    began = time.monotonic()
    report = IngestReport()
    with single_writer(workspace):
        recover(workspace)
        fix_tile_spec(workspace, ingest)
        ledger = StreamLedger(workspace)
        known, before = set(_problems(workspace)), read_stream(workspace)
        goes_on = before is not None and (source is None or any(state in UNFINISHED for state in totals(workspace)))
        told = progress or Silent()
        told.update("reading the catalogue", 0, 0)
        _queue(workspace, ledger, source, config, ingest)
        known &= set(_problems(workspace))
        ledger.begin(_described(source, before.source if before and goes_on else ""), ingest, config, goes_on=goes_on)
        state, message = "failed", "ended by an error: see commands.log, or run it in a terminal"
        try:
            state, message = _Coordinator(
                workspace, ledger, config, ingest, report, told, at, place or Place(), free
            ).run()
        except KeyboardInterrupt:
            state, message = "stopped", "interrupted"
            raise
        except Exception as error:
            message = str(error)
            raise
        finally:
            left = Folders.make(workspace.root, config, 0).on_disk()
            ledger.rest()
            ledger.report({}, state=state, message=message, slides_held=left, rate=0.0)
    _complete(workspace, report, known)
    report.end(state, message)
    report.seconds = time.monotonic() - began
    return report


class _Coordinator:
    """Rank 0: does its own share, commits everybody's shards, and is the only one that writes the ledger."""

    def __init__(
        self,
        workspace: Workspace,
        ledger: StreamLedger,
        config: StreamConfig,
        ingest: IngestConfig,
        report: IngestReport,
        told: Progress,
        at: KillPoint,
        place: Place,
        free: Callable[[], int] | None,
    ) -> None:
        self._workspace, self._ledger, self._config, self._told = workspace, ledger, config, told
        self._folders = Folders.make(workspace.root, config, 0)
        self._budget = Budget.of(config, free or free_space(workspace.root, self._folders.slides))
        self._clean_up()
        stored = tree_bytes(workspace.tiles_path) if workspace.n_tiles() else 0
        self._budget.tiles_kept = stored + tree_bytes(self._folders.shards)
        self._budget.high_water = ledger.high_water()
        self._worker = make_worker(self._folders, config, ingest, self._budget, ledger, at)
        self._merger = Merger(workspace, self._folders.shards, ingest.commit_tiles, config.commit_every_s, report, at)
        self._crew = Crew(self._folders, ledger, config, ingest, place)
        self._rates = Rate()
        self._heard = self._written = 0.0
        self._want, self._retries = "run", ledger.retries()

    def run(self) -> tuple[str, str]:
        """Work until all is done or somebody wants a stop; returns the final state and a message."""
        queued = self._ledger.queued()
        if queued:
            check_budget([slide for slide, _, _ in queued], self._config)
        self._worker.offer(self._crew.give_out(queued))
        try:
            for path in self._merger.waiting():  # of a former process
                self._merger.merge(path)
            outcome = self._loop()
            self._merger.flush()
            return outcome
        finally:
            self._worker.stop()
            self._crew.dismiss()
            self._tell("")

    def _loop(self) -> tuple[str, str]:
        while True:
            self._worker.tick(_TICK_S)
            self._merge()
            obstacle = self._worker.obstacle()
            if self._due("_heard", _LISTEN_EVERY_S):
                self._listen()
            if self._want == "stop":
                return "stopped", "stopped as requested; resume continues from there"
            if obstacle == "tiles" and not self._crew.n_open:
                return "finished", self._at_tile_budget()
            if self._due("_written", _TELL_EVERY_S):
                self._tell(_OBSTACLES[obstacle] if obstacle else self._waits())
            if not self._worker.n_open and not self._crew.n_open:
                self._merge()
                return "finished", ""

    def _merge(self) -> None:
        """Take in shards, one by one, so that a stop is heard in between."""
        mine = [shard_path(self._folders.shards, slide.file_id) for slide, _ in self._worker.tiled]
        self._worker.tiled.clear()
        shards = mine
        if self._crew.world > 1:
            shards = self._merger.waiting()
            self._budget.tiles_kept += sum(path.stat().st_size for path in set(shards) - set(mine))
            if self._budget.tiles_kept > self._config.tile_budget and self._crew.n_open:
                self._crew.pass_on("stop")
        for path in shards:
            self._merger.merge(path)
        if self._worker.rests and not self._crew.n_open:  # nothing comes for a while: what is there need not wait
            self._merger.flush()
        else:
            self._merger.flush_if_due()

    def _at_tile_budget(self) -> str:
        """What to say when the tiles of no further slide are sure to fit."""
        kept, least = self._budget.tiles_kept, self._worker.least_tile_bytes()
        return (
            f"kept tiles take {size_words(kept)} of their budget of {size_words(self._config.tile_budget)}, and the "
            "next slide may "
            f"need {size_words(least)}: {counted(self._worker.n_open, 'slide')} left in the queue; continue with "
            f"`tessera ingest --go-on --tile-budget {enough(kept + least)}` or more"
        )

    def _waits(self) -> str:
        """What to say when all that is left waits for another try."""
        n, in_s = self._worker.next_try()
        if not n or self._want == "pause":
            return ""
        wait = f"{in_s / 60:.0f} min" if in_s >= 120 else f"{in_s:.0f} s"
        return f"waits: {counted(n, 'slide')} could not be fetched and will be tried again, the first in {wait}"

    def _listen(self) -> None:
        want = self._ledger.want()
        if want == "pause" and self._want == "run":
            self._worker.pause()
        if want == "run" and self._want == "pause":
            self._worker.go_on()
        if want != self._want:
            self._crew.pass_on(want)
            self._want = want
        back = self._crew.listen()
        if self._retries != (retries := self._ledger.retries()):
            self._retries = retries
            back += [one for one in self._ledger.queued() if not self._crew.has(one[0].file_id)]
        fresh = [one for one in back if not self._worker.has(one[0].file_id)]
        if fresh:
            self._worker.offer(fresh)

    def _tell(self, message: str) -> None:
        moved = self._worker.moved()
        rate = self._rates.of(self._worker.moved_bytes + sum(moved.values()))
        self._ledger.report(
            {**self._crew.moved(), **moved},
            slides_held=self._budget.slides_held + self._crew.held(),
            high_water=self._budget.high_water,
            tiles_kept=self._budget.tiles_kept,
            rate=(0.0 if self._want == "pause" else rate) + self._crew.rate(),
            message=message,
            state="paused" if self._want == "pause" else "running",
        )
        counts = totals(self._workspace)
        done = sum(counts[state].slides for state in ("committed", "tiled", "failed", "set_aside") if state in counts)
        self._told.update("slides", done, sum(total.slides for total in counts.values()))

    def _due(self, name: str, every_s: float) -> bool:
        now = time.monotonic()
        if now - getattr(self, name) < every_s:
            return False
        setattr(self, name, now)
        return True

    def _clean_up(self) -> None:
        """Temporary files of a former process."""
        for path in self._folders.shards.glob(".*.tmp"):
            path.unlink(missing_ok=True)


class Rate:
    """Bytes a second over the last while."""

    def __init__(self) -> None:
        self._points: list[tuple[float, int]] = []

    def of(self, n: int) -> float:
        """The rate, told how many bytes there are now."""
        now = time.monotonic()
        self._points = [(then, m) for then, m in self._points if now - then <= _RATE_OVER_S] + [(now, n)]
        (first, least) = self._points[0]
        return max(0.0, (n - least) / (now - first)) if now > first else 0.0


def make_worker(
    folders: Folders, config: StreamConfig, ingest: IngestConfig, budget: Budget, board: Board, at: KillPoint
) -> StreamWorker:
    """A worker on its folders, with a downloader of its own."""
    token = read_token(config, dict(os.environ))

    def busy() -> None:
        worker.refused()

    downloader = Downloader(folders.slides, config, token, at=at, busy=busy)
    worker = StreamWorker(
        folders.slides,
        folders.shards,
        config,
        ingest,
        downloader=downloader,
        budget=budget,
        board=board,
        renew=Renewer(config),
        at=at,
    )
    return worker


def free_space(*folders: Path) -> Callable[[], int]:
    """Free bytes where they are fewest."""
    return lambda: min(shutil.disk_usage(folder).free for folder in folders)


def check_place(place: Place) -> None:
    """Refuse a rank that cannot be.

    Raises:
        ConfigError: the setting has no such value; the message says which there are.
    """
    if not 0 <= place.rank < place.world:
        raise ConfigError(f"rank {place.rank} of {place.world} workers cannot be: check RANK and WORLD_SIZE")


def _queue(
    workspace: Workspace, ledger: StreamLedger, source: Source | None, config: StreamConfig, ingest: IngestConfig
) -> None:
    """Queue what the source lists, and what was set aside for want of the resolution that is given now."""
    if source is not None:
        catalogue = source.catalogue()
        check_budget(catalogue.slides, config, None if workspace.n_tiles() else ingest)
        ledger.add(catalogue)
    if ingest.default_mpp:
        retry_without_resolution(workspace)


def _described(source: Source | None, before: str) -> str:
    """What the queue holds, in words: the source, after those that it was begun with and that are not done."""
    words = [part for part in before.split("; ") if part]
    if source is not None and source.describe() not in words:
        words.append(source.describe())
    return "; ".join(words) or "what was queued"


def _problems(workspace: Workspace) -> dict[str, tuple[str, str, str]]:
    """Slides that are out: file id to name, state and reason, by name."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT * FROM remote_slide WHERE state IN ('failed', 'set_aside') ORDER BY name"
        ).fetchall()
    return {row["file_id"]: (row["name"], row["state"], row["reason"]) for row in rows}


def _complete(workspace: Workspace, report: IngestReport, known: set[str]) -> None:
    """Every slide that could not be taken in, into the report; of those that were out before only the number."""
    with workspace.ledger.read() as connection:
        noted = connection.execute("SELECT name, reason FROM slide WHERE state = 'done' AND reason != '' ORDER BY name")
        report.notes += [(row["name"], row["reason"]) for row in noted]
    for file_id, (name, state, reason) in _problems(workspace).items():
        if file_id in known:
            report.still_out += 1
            continue
        report.problems.append((name, reason))
        report.slides_failed += state == "failed"
        report.slides_set_aside += state == "set_aside"
    counts = totals(workspace)
    committed = counts["committed"].slides if "committed" in counts else 0
    report.skipped = max(0, committed - report.slides_done - report.slides_empty - report.duplicates)
