"""One machine's share of a streaming ingest: from the queue to shards, within its budget of disk.

Nothing here touches store or ledger; what happens to slides is told to a `Board`. Every step looks at the disk first,
so a slide may be given to a worker any number of times.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tessera.config import IngestConfig, StreamConfig
from tessera.errors import SlideError, TesseraError
from tessera.ingest.archive.budget import Admission, Budget, Reservation
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.archive.download import DiskFullError, Downloader, Fetched, Halt, HaltedError, disk_error
from tessera.ingest.archive.http import GoneError, RefusedError, TransientError
from tessera.ingest.archive.plan import worst_tile_bytes
from tessera.ingest.archive.shard import shard_path, write_shard
from tessera.ingest.commit import KillPoint, pass_by
from tessera.ingest.cut import Wanted, cut
from tessera.slides.child.children import Children
from tessera.slides.problems import NoResolutionError

logger = logging.getLogger(__name__)


class Board(Protocol):
    """Where a worker writes what happens to its slides."""

    def say(
        self, file_id: str, state: str, reason: str = "", *, rounds: int | None = None, retry_at: float = 0
    ) -> None:
        """A slide is in a new state."""

    def renewed(self, old: RemoteSlide, new: RemoteSlide) -> bool:
        """A retired slide has a present version; whether this worker shall fetch it."""


@dataclass(eq=False)
class _Job:
    """One slide that holds a reservation."""

    slide: RemoteSlide
    reservation: Reservation
    halt: Halt = field(default_factory=Halt)
    fetched: Fetched | None = None
    not_before: float = 0.0


@dataclass(frozen=True)
class _Waiting:
    """One slide in the queue."""

    slide: RemoteSlide
    rounds: int = 0
    retry_at: float = 0.0


class StreamWorker:
    """Fetches, verifies and cuts slides and leaves their shards.

    All methods are for one thread; downloads and cutting run in threads of their own.

    Args:
        slides: folder for slides in passage; every file in it is this worker's to delete.
        shards: folder for finished shards.
        config: connections, waits.
        ingest: settings for cutting slides.
        downloader: fetches into `slides`.
        budget: the account of this machine's disk.
        board: is told of every state.
        renew: the present version of a retired slide, or None.
        at: is told the name of each step; tests kill the process there.
    """

    def __init__(
        self,
        slides: Path,
        shards: Path,
        config: StreamConfig,
        ingest: IngestConfig,
        *,
        downloader: Downloader,
        budget: Budget,
        board: Board,
        renew: Callable[[RemoteSlide], RemoteSlide | None],
        at: KillPoint = pass_by,
    ) -> None:
        self._slides, self._shards, self._config, self._ingest = slides, shards, config, ingest
        self._downloader, self._budget, self._board, self._renew, self._at = downloader, budget, board, renew, at
        self._queue: list[_Waiting] = []
        self._rounds: dict[str, int] = {}
        self._resting: list[_Job] = []  # hold a reservation and wait to go on
        self._fetching: dict[str, _Job] = {}
        self._cutting: dict[str, _Job] = {}
        self._events: queue.SimpleQueue[tuple[_Job, str, Any]] = queue.SimpleQueue()
        self._to_cut: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._admission, self._lanes = Admission(), config.connections
        self._paused, self._full_until, self._ended = False, 0.0, False
        self._children = Children(idle=config.tilers)
        self.tiled: list[tuple[RemoteSlide, int]] = []
        self.moved_bytes = 0
        for number in range(config.tilers):
            threading.Thread(target=self._cut_for_ever, name=f"tiler-{number}", daemon=True).start()

    @property
    def n_open(self) -> int:
        """Slides that are not finished."""
        return len(self._queue) + len(self._resting) + len(self._fetching) + len(self._cutting)

    def has(self, file_id: str) -> bool:
        """Whether this slide waits here or is under way."""
        return file_id in self.moved() or any(one.slide.file_id == file_id for one in self._queue)

    def obstacle(self) -> str:
        """Why nothing is under way although slides wait: tiles, floor, disk, or nothing (empty)."""
        if self._fetching or self._cutting or self._paused:
            return ""
        if time.monotonic() < self._full_until:
            return "disk"
        ready = [one for one in self._queue if one.retry_at <= time.time()]
        if not ready or any(job.not_before <= time.time() for job in self._resting):
            return ""
        return self._budget.obstacle(*self._needs(ready[0].slide))

    @property
    def rests(self) -> bool:
        """Whether nothing is under way: all slides that are left wait for space or for their next try."""
        return not self._fetching and not self._cutting

    def least_tile_bytes(self) -> int:
        """The least that the tiles of a waiting slide may take; 0 when none waits."""
        return min((self._needs(one.slide)[1] for one in self._queue), default=0)

    def next_try(self) -> tuple[int, float]:
        """Slides that wait for another try, and in how many seconds the first of them has it.

        (0, 0) when one may begin.
        """
        times = [one.retry_at for one in self._queue] + [job.not_before for job in self._resting]
        now = time.time()
        if not times or min(times) <= now or not self.rests:
            return 0, 0.0
        return len(times), min(times) - now

    def moved(self) -> dict[str, int]:
        """Bytes on disk of the slides under way."""
        jobs = [*self._fetching.values(), *self._cutting.values(), *self._resting]
        return {job.slide.file_id: job.reservation.written for job in jobs}

    def offer(self, slides: list[tuple[RemoteSlide, int, float]]) -> None:
        """Queue slides: (slide, rounds that were in vain, not before this time).

        Files that a former worker left are taken over as far as the budget allows; all others in the folder go.
        """
        for slide, rounds, retry_at in slides:
            if shard_path(self._shards, slide.file_id).exists():
                self._board.say(slide.file_id, "tiled")
                self._delete(slide)
                self.tiled.append((slide, 0))
            else:
                self._queue.append(_Waiting(slide, rounds, retry_at))
                self._rounds[slide.file_id] = rounds
        self._adopt()

    def pause(self) -> None:
        """Hold all downloads at once; what is being cut is finished. Reservations stay."""
        self._paused = True
        for job in self._fetching.values():
            job.halt.halt()
            self._resting.append(_Job(job.slide, job.reservation))
            self._board.say(job.slide.file_id, "reserved")
        self._fetching = {}

    def go_on(self) -> None:
        """Let downloads go on after `pause`."""
        self._paused = False

    def stop(self) -> None:
        """End at once: after this no byte is written any more; parts stay for the next worker."""
        self._ended = True
        for job in self._fetching.values():
            job.halt.halt()
        self._children.close()
        for _ in range(self._config.tilers):
            self._to_cut.put(None)
        self._downloader.close()

    def tick(self, timeout_s: float) -> None:
        """Handle what has happened, waiting for it at most `timeout_s`, then begin what can begin."""
        try:
            self._handle(*self._events.get(timeout=timeout_s))
            while True:
                self._handle(*self._events.get_nowait())
        except queue.Empty:
            pass
        if not self._paused and time.monotonic() >= self._full_until:
            self._begin()

    def refused(self) -> None:
        """A server has too many requests: one connection fewer, down to one."""
        self._lanes = max(1, self._lanes - 1)

    # what begins

    def _begin(self) -> None:
        now = time.time()
        for job in [job for job in self._resting if job.not_before <= now]:
            if job.fetched is not None:
                self._resting.remove(job)
                self._start_cutting(job)
            elif len(self._fetching) < self._lanes:
                self._resting.remove(job)
                self._start_fetching(job)
        while len(self._fetching) < self._lanes:
            ready = [one.slide for one in self._queue if one.retry_at <= now]
            chosen = self._admission.choose([(one.file_id, *self._needs(one)) for one in ready], self._budget)
            if chosen is None:
                return
            slide = next(one for one in ready if one.file_id == chosen[0])
            self._queue = [one for one in self._queue if one.slide.file_id != chosen[0]]
            self._board.say(slide.file_id, "reserved")
            self._at("reserved")
            self._start_fetching(_Job(slide, chosen[1]))

    def _needs(self, slide: RemoteSlide) -> tuple[int, int]:
        return slide.size_bytes, worst_tile_bytes(slide.size_bytes, self._ingest)

    def _start_fetching(self, job: _Job) -> None:
        self._fetching[job.slide.file_id] = job
        self._board.say(job.slide.file_id, "downloading")
        threading.Thread(target=self._fetch, args=(job,), name=f"fetch {job.slide.name}", daemon=True).start()

    def _start_cutting(self, job: _Job) -> None:
        self._cutting[job.slide.file_id] = job
        self._board.say(job.slide.file_id, "tiling")
        self._to_cut.put(job)

    # what threads do

    def _fetch(self, job: _Job) -> None:
        def verifying() -> None:
            job.halt.check()
            self._board.say(job.slide.file_id, "verifying")

        try:
            self._events.put((job, "fetched", self._downloader.fetch(job.slide, job.halt, job.reservation, verifying)))
        except HaltedError:
            return
        except DiskFullError as error:
            self._events.put((job, "full", str(error)))
        except GoneError as error:
            self._events.put((job, "gone", (str(error), self._renewed(job.slide))))
        except (RefusedError, OSError) as error:
            self._events.put((job, "failed", str(error)))
        except TransientError as error:
            self._events.put((job, "later", str(error)))

    def _renewed(self, slide: RemoteSlide) -> RemoteSlide | None:
        try:
            return self._renew(slide)
        except TesseraError as error:
            logger.warning("no present version of %s found: %s", slide.name, error)
            return None

    def _cut_for_ever(self) -> None:
        while (job := self._to_cut.get()) is not None and not self._ended:
            self._cut(job)

    def _cut(self, job: _Job) -> None:
        fetched = job.fetched
        assert fetched is not None
        try:
            self._at("tiling")
            done = cut(self._children, Wanted(fetched.path, fetched.sha256), self._ingest)
            if self._ended:
                return
            size = write_shard(self._shards, job.slide, fetched.sha256, done, self._at)
            self._events.put((job, "cut", size))
        except NoResolutionError as error:
            self._events.put((job, "set_aside", error.reason))
        except SlideError as error:
            self._events.put((job, "failed", error.reason))
        except OSError as error:
            full = isinstance(disk_error(error), DiskFullError)
            self._events.put((job, "full" if full else "failed", f"cannot be read: {error}"))
        except Exception as error:
            if not self._ended:
                logger.exception("%s failed", job.slide.name)
                self._events.put((job, "failed", f"cannot be read: {error}"))

    # what has happened

    def _handle(self, job: _Job, what: str, about: Any) -> None:
        name = job.slide.file_id
        if job is not self._fetching.get(name) and job is not self._cutting.get(name):
            return  # it was paused meanwhile and another job has taken its place
        self._fetching.pop(name, None)
        self._cutting.pop(name, None)
        if what == "fetched":
            self.moved_bytes += about.moved_bytes
            self._lanes = min(self._config.connections, self._lanes + 1)
            job.fetched = about
            self._start_cutting(job)
        elif what == "cut":
            self._finish(job, about)
        elif what == "full":
            logger.warning("the disk is full (%s): waiting for space", about)
            self._full_until = time.monotonic() + self._config.disk_wait_s
            self._resting.append(_Job(job.slide, job.reservation, fetched=job.fetched))
        elif what == "gone":
            self._replace(job, *about)
        elif what == "later":
            self._wait_for_better_days(job, about)
        else:
            self._board.say(name, what, about)
            self._drop(job)

    def _finish(self, job: _Job, shard_bytes: int) -> None:
        """The shard is durable: say so, then delete the slide, then give the disk back."""
        self._board.say(job.slide.file_id, "tiled")
        self._at("tiled recorded")
        self._budget.tiles_kept += shard_bytes
        self.tiled.append((job.slide, shard_bytes))
        self._drop(job)
        self._at("slide deleted")

    def _replace(self, job: _Job, reason: str, new: RemoteSlide | None) -> None:
        if new is None:
            self._board.say(job.slide.file_id, "failed", f"{reason}; the archive names no present version of it")
        elif self._board.renewed(job.slide, new):
            self._queue.append(_Waiting(new))
        self._drop(job)

    def _wait_for_better_days(self, job: _Job, reason: str) -> None:
        """All tries were in vain: back into the queue, for longer each round. A part stays while there is room."""
        name = job.slide.file_id
        rounds = self._rounds[name] = self._rounds.get(name, 0) + 1
        if rounds >= self._config.rounds:
            self._board.say(name, "failed", reason, rounds=rounds)
            self._drop(job)
            return
        retry_at = time.time() + self._config.round_wait_s * 2 ** (rounds - 1)
        self._board.say(name, "queued", reason, rounds=rounds, retry_at=retry_at)
        logger.warning(
            "%s: %s; tried again in %.0f s (round %d of %d)",
            job.slide.name,
            reason,
            retry_at - time.time(),
            rounds + 1,
            self._config.rounds,
        )
        resting = sum(other.slide.size_bytes for other in self._resting)
        if job.reservation.written and resting + job.slide.size_bytes <= self._config.slide_budget / 2:
            self._resting.append(_Job(job.slide, job.reservation, not_before=retry_at))
        else:
            self._queue.append(_Waiting(job.slide, rounds, retry_at))
            self._drop(job)

    def _drop(self, job: _Job) -> None:
        self._delete(job.slide)
        self._budget.release(job.reservation)

    def _delete(self, slide: RemoteSlide) -> None:
        for path in self._downloader.paths(slide):
            path.unlink(missing_ok=True)

    def _adopt(self) -> None:
        """Reserve for files that are on disk already; what nobody wants, or what does not fit, is deleted."""
        held = {path.name for path in self._slides.iterdir() if path.is_file()}
        mine = [job.slide for job in (*self._fetching.values(), *self._cutting.values(), *self._resting)]
        for one in list(self._queue):
            names = {path.name for path in self._downloader.paths(one.slide)}
            if names & held:
                reservation = self._budget.reserve(*self._needs(one.slide))
                if reservation is not None:
                    reservation.written = sum((self._slides / name).stat().st_size for name in names & held)
                    self._queue.remove(one)
                    self._resting.append(_Job(one.slide, reservation, not_before=one.retry_at))
                    mine.append(one.slide)
        wanted = {path.name for slide in mine for path in self._downloader.paths(slide)}
        for name in held - wanted:
            (self._slides / name).unlink(missing_ok=True)
