"""Streaming ingests in processes that end themselves at a named step, or that a test kills.

Children come from a server that has imported everything, so that a hundred kills take a minute and not ten. Nothing is
opened in it: Lance must not be forked after use.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import stamina
from tessera.config import StreamConfig
from tessera.ingest.archive.crew import work
from tessera.ingest.archive.machines import Place
from tessera.workspace.folder import Workspace

from tests.tessera.ingest.streaming import SMALL, run

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "tessera.ingest.archive.coordinator", "lance"])


def start(
    root: Path, config: dict[str, Any], point: str = "never", number: int = 1, place: tuple[int, int] = (0, 1)
) -> ForkServerProcess:
    """Start an ingest that kills itself when it comes to `point` for the `number`th time."""
    process = CONTEXT.Process(target=_ingest, args=(root, config, point, number, place), daemon=True)
    process.start()
    return process


def _ingest(root: Path, config: dict[str, Any], point: str, number: int, place: tuple[int, int]) -> None:
    seen = 0

    def at(name: str) -> None:
        nonlocal seen
        if name == point:
            seen += 1
            if seen == number:
                os.kill(os.getpid(), 9)

    stamina.set_testing(True, attempts=1000)
    with contextlib.redirect_stderr(io.StringIO()):  # threads of a process that is being killed have nothing to say
        if place[0]:
            work(root, Place(*place), patience_s=30, at=at)
        else:
            run(Workspace.create(root), StreamConfig(**config), at=at, ingest=SMALL, place=Place(*place))
