"""Who ends with whom: `tessera run` takes its worker along when it is asked to end, and not when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from tessera.runs import control
from tessera.workspace.folder import Workspace

from tests.tessera.planted import Planted

SETTINGS = "encoder=tiny clusters=4 epochs=10000 tile_px=32 batch_size=32 pca_dim=8 threads=1 device=cpu"
NAME = "long"


def wait_until(check: Callable[[], bool], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < ends, "waited too long"
        os.sched_yield()


@pytest.fixture
def started(planted: Planted) -> Iterator[tuple[Workspace, subprocess.Popen[str]]]:
    """A `tessera run` that would go on for hours, with at least one clustering done."""
    words = [word for setting in SETTINGS.split() for word in ("--set", setting)]
    root = planted.workspace.root
    command = [sys.executable, "-m", "tessera", "run", "--name", NAME, *words, "--workspace", str(root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        wait_until(lambda: any(run.name == NAME and run.interval >= 1 for run in control.list_runs(planted.workspace)))
        yield planted.workspace, parent
        run = control.get(planted.workspace, NAME)
        if run.alive:
            control.request(planted.workspace, NAME, "stop")
            wait_until(lambda: not control.get(planted.workspace, NAME).alive)
        parent.kill()


@pytest.mark.slow
def test_the_worker_saves_and_ends_when_its_command_is_terminated(
    started: tuple[Workspace, subprocess.Popen[str]],
) -> None:
    workspace, parent = started
    parent.terminate()
    assert parent.wait(60) == 128 + signal.SIGTERM
    run = control.get(workspace, NAME)
    assert (run.state, run.alive) == ("stopped", False)


@pytest.mark.slow
def test_the_worker_outlives_a_command_that_is_killed(started: tuple[Workspace, subprocess.Popen[str]]) -> None:
    workspace, parent = started
    parent.kill()
    parent.wait(60)
    before = control.get(workspace, NAME).interval
    wait_until(lambda: control.get(workspace, NAME).interval > before)
    control.request(workspace, NAME, "stop")
    wait_until(lambda: control.get(workspace, NAME).state == "stopped")
