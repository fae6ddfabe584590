"""Several machines on one ingest: who does which slides, and how they tell each other without a server.

Each worker takes its share of the slides, leaves shards in a folder that all see, and writes one small file that says
how it is. The first of them (rank 0) commits the shards and alone writes the ledger: SQLite does not work across
machines. A slide is an idempotent task, so what a lost worker leaves undone is simply given to another
(reference/io.md, D).
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tessera import config as configuration
from tessera.config import IngestConfig, StreamConfig
from tessera.errors import ConfigError, WorkspaceError
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.workspace import files


@dataclass(frozen=True)
class Place:
    """Which of several workers this process is.

    Attributes:
        rank: 0 commits.
        world: how many there are.
        job: name that all of them share, so that nobody reads an old job's papers.
    """

    rank: int = 0
    world: int = 1
    job: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Place:
        """Read torchrun's, a Slurm array's or a Kubernetes indexed job's variables; alone without any.

        Raises:
            ConfigError: a rank without the number of workers.
        """
        if "RANK" in environment and "WORLD_SIZE" in environment:
            job = environment.get("TORCHELASTIC_RUN_ID", "")
            return cls(int(environment["RANK"]), int(environment["WORLD_SIZE"]), job)
        if "SLURM_ARRAY_TASK_ID" in environment:
            first = int(environment.get("SLURM_ARRAY_TASK_MIN", "0"))
            step = int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
            count = int(environment.get("SLURM_ARRAY_TASK_COUNT", "1"))
            return cls(
                (int(environment["SLURM_ARRAY_TASK_ID"]) - first) // step,
                count,
                environment.get("SLURM_ARRAY_JOB_ID", ""),
            )
        if "JOB_COMPLETION_INDEX" in environment:
            if "WORLD_SIZE" not in environment:
                raise ConfigError("set WORLD_SIZE to the number of completions of the Kubernetes job")
            return cls(int(environment["JOB_COMPLETION_INDEX"]), int(environment["WORLD_SIZE"]))
        return cls()


@dataclass(frozen=True)
class Folders:
    """Where a streaming ingest keeps things that are on their way.

    Attributes:
        root: seen by all machines, in the workspace.
        slides: this worker's slides in passage.
    """

    root: Path
    slides: Path

    @classmethod
    def make(cls, workspace_root: Path, config: StreamConfig, rank: int) -> Folders:
        """Make the folders."""
        root = workspace_root / "stream"
        base = Path(config.slides_dir).expanduser() if config.slides_dir else root / "slides"
        folders = cls(root, base / f"worker-{rank}")
        for folder in (folders.slides, folders.shards, folders.workers):
            folder.mkdir(parents=True, exist_ok=True)
        return folders

    def on_disk(self) -> int:
        """Bytes of slides and parts of all workers of this machine."""
        return sum(files.tree_bytes(folder) for folder in self.slides.parent.glob("worker-*"))

    @property
    def shards(self) -> Path:
        """Finished shards of all workers."""
        return self.root / "shards"

    @property
    def workers(self) -> Path:
        """One file a worker: how it is."""
        return self.root / "workers"

    @property
    def orders(self) -> Path:
        """What rank 0 tells the others."""
        return self.root / "orders.json"


@dataclass(frozen=True)
class Orders:
    """What rank 0 tells the others.

    Attributes:
        job: see `Place`.
        world: how many workers share the slides.
        want: run, pause or stop.
        slides: everything that is to be done.
        ingest: settings for cutting slides.
        stream: settings for downloading slides.
    """

    job: str
    world: int
    want: str
    slides: list[RemoteSlide]
    ingest: IngestConfig
    stream: StreamConfig

    def write(self, folders: Folders) -> None:
        """Publish."""
        values = {
            "job": self.job,
            "world": self.world,
            "want": self.want,
            "slides": [asdict(slide) for slide in self.slides],
            "ingest": configuration.as_dict(self.ingest),
            "stream": configuration.as_dict(self.stream),
        }
        files.write_text(folders.orders, json.dumps(values))

    @classmethod
    def read(cls, folders: Folders) -> Orders | None:
        """What was published, or None."""
        try:
            values = json.loads(folders.orders.read_text())
        except FileNotFoundError:
            return None
        slides = [RemoteSlide(**{**slide, "urls": tuple(slide["urls"])}) for slide in values["slides"]]
        return cls(
            values["job"],
            values["world"],
            values["want"],
            slides,
            configuration.from_mapping(IngestConfig, values["ingest"]),
            configuration.from_mapping(StreamConfig, values["stream"]),
        )

    def share(self, rank: int) -> list[RemoteSlide]:
        """The slides of one worker: by size, dealt round, so that shares are of one weight."""
        return sorted(self.slides, key=lambda slide: (-slide.size_bytes, slide.file_id))[rank :: self.world]


def wait_for_orders(folders: Folders, place: Place, patience_s: float) -> Orders:
    """The orders of this job, as soon as rank 0 has written them.

    Raises:
        WorkspaceError: they did not come.
    """
    until, pause = time.monotonic() + patience_s, threading.Event()
    while time.monotonic() < until:
        orders = Orders.read(folders)
        if orders is not None and orders.job == place.job and orders.world == place.world:
            return orders
        pause.wait(0.2)
    raise WorkspaceError(f"worker {place.rank} of {place.world} waited for worker 0, which did not start: start it too")


class FileBoard:
    """The board of a worker that must not write to the ledger: a file that it replaces every second or so.

    Args:
        path: the file.
        rank: of the worker.
    """

    def __init__(self, path: Path, rank: int) -> None:
        self._path, self._lock = path, threading.Lock()
        self._about: dict[str, Any] = {"rank": rank, "host": socket.gethostname(), "pid": os.getpid()}
        self._states: dict[str, tuple[str, str]] = {}

    def say(self, file_id: str, state: str, reason: str = "", **_: float | None) -> None:
        """A slide is in a new state; rounds and waits are counted by this worker alone."""
        with self._lock:
            self._states[file_id] = (state, reason)

    def renewed(self, old: RemoteSlide, new: RemoteSlide) -> bool:
        """Only the ledger's process may take in new versions."""
        self.say(old.file_id, "failed", f"was retired; its present version is {new.file_id}: list the source again")
        return False

    def publish(self, moved: Mapping[str, int], *, ended: bool = False, **about: Any) -> None:
        """Write the file."""
        with self._lock:
            values = {
                **self._about,
                **about,
                "time": time.time(),
                "ended": ended,
                "states": self._states,
                "moved": moved,
            }
            text = json.dumps(values)
        files.write_text(self._path, text)


@dataclass(frozen=True)
class WorkerNews:
    """What another worker's file says."""

    rank: int
    time: float
    ended: bool
    held: int
    rate: float
    states: dict[str, tuple[str, str]]
    moved: dict[str, int]


def read_news(folders: Folders, rank: int) -> WorkerNews | None:
    """The file of a worker, or None before it has written one."""
    try:
        values = json.loads((folders.workers / f"{rank}.json").read_text())
    except FileNotFoundError:
        return None
    states = {name: (state, reason) for name, (state, reason) in values["states"].items()}
    return WorkerNews(
        values["rank"],
        values["time"],
        values["ended"],
        values.get("held", 0),
        values.get("rate", 0.0),
        states,
        values["moved"],
    )
