"""The other workers of a streaming ingest, seen from rank 0, and what such a worker does."""

from __future__ import annotations

import time
from pathlib import Path

from tessera.config import IngestConfig, StreamConfig
from tessera.ingest.archive.budget import Budget
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.archive.ledger import StreamLedger
from tessera.ingest.archive.machines import FileBoard, Folders, Orders, Place, WorkerNews, read_news, wait_for_orders
from tessera.ingest.archive.shard import shard_path
from tessera.ingest.commit import KillPoint, pass_by

Queued = tuple[RemoteSlide, int, float]
_TICK_S, _TELL_EVERY_S = 0.1, 1.0
_FINAL = ("failed", "set_aside")


class Crew:
    """What the others do; does nothing when this worker is alone.

    Args:
        folders: seen by all.
        ledger: where the others' states go.
        config: how long a worker may be silent.
        ingest: passed on.
        place: this worker's.
    """

    def __init__(
        self, folders: Folders, ledger: StreamLedger, config: StreamConfig, ingest: IngestConfig, place: Place
    ) -> None:
        self._folders, self._ledger, self._config, self._ingest, self._place = folders, ledger, config, ingest, place
        self._open: dict[int, dict[str, RemoteSlide]] = {}
        self._news: dict[int, WorkerNews] = {}
        self._said: dict[str, tuple[str, str]] = {}
        self._began = time.time()
        self._orders: Orders | None = None

    @property
    def world(self) -> int:
        """How many workers there are."""
        return self._place.world

    @property
    def n_open(self) -> int:
        """Slides that others have not finished."""
        return sum(map(len, self._open.values()))

    def has(self, file_id: str) -> bool:
        """Whether another worker does this slide."""
        return any(file_id in slides for slides in self._open.values())

    def give_out(self, queued: list[Queued]) -> list[Queued]:
        """Publish the orders; returns this worker's own share."""
        if self.world == 1:
            self._folders.orders.unlink(missing_ok=True)
            return queued
        for path in self._folders.workers.glob("*.json"):
            path.unlink()
        slides = [slide for slide, _, _ in queued]
        self._orders = Orders(self._place.job, self.world, "run", slides, self._ingest, self._config)
        self._orders.write(self._folders)
        for rank in range(1, self.world):
            self._open[rank] = {slide.file_id: slide for slide in self._orders.share(rank)}
        mine = {slide.file_id for slide in self._orders.share(0)}
        return [one for one in queued if one[0].file_id in mine]

    def listen(self) -> list[Queued]:
        """Read what the others say; returns slides of workers that are lost, for this worker to do."""
        lost: list[Queued] = []
        for rank, slides in self._open.items():
            news = read_news(self._folders, rank)
            if news is not None:
                self._news[rank] = news
                self._record(news, slides)
            for name in [name for name in slides if shard_path(self._folders.shards, name).exists()]:
                del slides[name]
            heard = self._began if news is None else news.time
            silent = time.time() - heard > self._config.worker_silence_s
            if slides and (silent or (news is not None and news.ended)):
                done = self._ledger.state_of(slides)
                lost += [
                    (slide, 0, 0.0) for name, slide in slides.items() if done.get(name) not in ("tiled", "committed")
                ]
                slides.clear()
        return lost

    def pass_on(self, want: str) -> None:
        """Tell the others to run, pause or stop."""
        if self._orders is not None:
            self._orders = Orders(**{**vars(self._orders), "want": want})
            self._orders.write(self._folders)

    def dismiss(self) -> None:
        """Nobody works for us any more: workers that come later find no orders."""
        if self._orders is not None:
            self.pass_on("stop")

    def moved(self) -> dict[str, int]:
        """Bytes on disk of slides that others have under way."""
        return {name: n for news in self._news.values() for name, n in news.moved.items()}

    def held(self) -> int:
        """Bytes that others hold on their disks."""
        return sum(news.held for news in self._news.values() if not news.ended)

    def rate(self) -> float:
        """Bytes a second that others fetch."""
        return sum(news.rate for news in self._news.values() if not news.ended)

    def _record(self, news: WorkerNews, slides: dict[str, RemoteSlide]) -> None:
        for name, said in news.states.items():
            if self._said.get(name) != said and name in slides:
                self._said[name] = said
                if said[0] != "tiled":  # that is said when the shard is taken in
                    self._ledger.say(name, *said)
            if said[0] in _FINAL:
                slides.pop(name, None)


def work(workspace_root: Path, place: Place, *, patience_s: float = 600.0, at: KillPoint = pass_by) -> int:
    """Be one of the other workers: fetch and cut this rank's share, leave shards, end.

    Args:
        workspace_root: folder that all workers see.
        place: rank above 0.
        patience_s: how long to wait for rank 0.
        at: is told the name of each step; tests kill the process there.

    Returns:
        Slides cut.

    Raises:
        WorkspaceError: rank 0 does not come.
    """
    from tessera.ingest.archive.coordinator import Rate, free_space, make_worker

    papers = Folders(workspace_root / "stream", workspace_root)
    orders = wait_for_orders(papers, place, patience_s)
    folders = Folders.make(workspace_root, orders.stream, place.rank)
    board = FileBoard(folders.workers / f"{place.rank}.json", place.rank)
    budget = Budget.of(orders.stream, free_space(workspace_root, folders.slides))
    worker = make_worker(folders, orders.stream, orders.ingest, budget, board, at)
    worker.offer([(slide, 0, 0.0) for slide in orders.share(place.rank)])
    rates, told, want = Rate(), 0.0, "run"
    try:
        while worker.n_open and want != "stop" and worker.obstacle() != "tiles":
            worker.tick(_TICK_S)
            if time.monotonic() - told >= _TELL_EVERY_S:
                told, moved = time.monotonic(), worker.moved()
                rate = rates.of(worker.moved_bytes + sum(moved.values()))
                board.publish(moved, held=budget.slides_held, rate=rate)
                wanted = (Orders.read(folders) or orders).want
                if wanted != want and wanted in ("pause", "run"):
                    worker.pause() if wanted == "pause" else worker.go_on()
                want = wanted
    finally:
        worker.stop()
        board.publish({}, ended=True, held=0, rate=0.0)
    return len(worker.tiled)
