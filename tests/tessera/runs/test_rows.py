"""A run is found by one query, and only runs that may be at work have their process looked for."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import time
from pathlib import Path

import psutil
import pytest
from tessera.config import RunConfig
from tessera.config.migrate import to_store
from tessera.errors import RunError
from tessera.runs import create, figures, rows
from tessera.runs.rows import list_runs, open_run
from tessera.workspace.folder import Workspace

from tests.tessera.planted import RUN, Planted

N_RUNS = 2000


@pytest.fixture
def many(workspace: Workspace) -> Workspace:
    """Two thousand runs that ended long ago, each with the number of a process that lives: this one."""
    me = psutil.Process()
    text = to_store(RunConfig())
    with workspace.ledger.write() as connection:
        connection.executemany(
            "INSERT INTO run (name, config, digest, state, want, pid, pid_started, created, finished, n_tiles,"
            " store_version) VALUES (?, ?, '', 'finished', 'run', ?, ?, 1, 2, 0, 1)",
            [(f"r{i}", text, me.pid, me.create_time()) for i in range(N_RUNS)],
        )
    return workspace


def looked_for(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """Process numbers that were looked for; the real look follows."""
    asked, real = [], rows.is_alive

    def is_alive(pid: int | None, started: float | None) -> bool:
        asked.append(pid)
        return real(pid, started)

    monkeypatch.setattr(rows, "is_alive", is_alive)
    return asked


def test_runs_that_ended_cost_no_look_at_processes(many: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = looked_for(monkeypatch)
    assert len(list_runs(many)) == N_RUNS
    assert asked == []
    with many.ledger.write() as connection:
        connection.execute("UPDATE run SET state = 'running' WHERE name = 'r7'")
    assert [run.name for run in list_runs(many) if run.alive] == ["r7"]
    assert asked == [os.getpid()]


def test_one_run_is_found_without_the_others(many: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    with many.ledger.write() as connection:
        connection.execute("UPDATE run SET config = 'no JSON' WHERE name != 'r3'")
    real = sqlite3.connect

    def connect(*words: object, **more: object) -> sqlite3.Connection:
        connection = real(*words, **more)  # type: ignore[call-overload]
        connection.set_trace_callback(read.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    assert open_run(many, "r3").config == RunConfig()
    assert [text for text in read if "FROM run" in text] == ["SELECT * FROM run WHERE name = 'r3'"]
    with pytest.raises(RunError, match="tessera status"):
        open_run(many, "none")


def test_settings_that_cannot_be_read_do_not_hide_the_other_runs(many: Workspace) -> None:
    with many.ledger.write() as connection:
        connection.execute("UPDATE run SET config = '{}x' WHERE name = 'r3'")
    assert len(list_runs(many)) == N_RUNS


def test_a_handle_knows_its_files_and_notices_changes(planted: Planted) -> None:
    run = open_run(planted.workspace, RUN)
    assert run.folder.intervals() == [0, 1, 2]
    assert run == open_run(Workspace.open(planted.workspace.root), RUN)
    with planted.workspace.ledger.write() as connection:
        figures.write_event(connection, run.id, "info", "hello")
        figures.write_figures(connection, run.id, {"loss": 1.5}, interval=1, step=3)
        connection.execute("UPDATE run SET phase = 'training' WHERE id = ?", (run.id,))
    assert figures.events(run)[0].text == "hello"
    assert [(m.name, m.value, m.step) for m in figures.metrics(run)] == [("loss", 1.5, 3)]
    assert run.phase == ""
    assert run.refreshed().phase == "training"
    assert run != run.refreshed()


def _create(root: Path, start: float, names: multiprocessing.Queue[str]) -> None:
    workspace = Workspace.open(root)
    while time.time() < start:  # all at the same moment
        pass
    names.put(create.create(workspace, RunConfig.of({"clustering.clusters": 3})).name)


def test_runs_that_are_created_at_once_all_get_a_name(planted: Planted) -> None:
    context = multiprocessing.get_context("spawn")
    names: multiprocessing.Queue[str] = context.Queue()
    work = [
        context.Process(target=_create, args=(planted.workspace.root, time.time() + 4, names), daemon=True)
        for _ in range(4)
    ]
    for process in work:
        process.start()
    found = {names.get(timeout=120) for _ in work}
    for process in work:
        process.join(60)
    assert found == {"run-1", "run-2", "run-3", "run-4"}
    for run in list_runs(planted.workspace)[1:]:
        assert json.loads((run.folder.root / "config.json").read_text()) == json.loads(run.config_json)


def _keep(root: Path, taken: multiprocessing.Queue[str], over: multiprocessing.Queue[int]) -> None:
    taken.put(create.free_name(Workspace.open(root), None, "r-rcc-1"))
    over.get(timeout=120)


def test_a_name_is_kept_while_its_clustering_is_made_and_free_when_its_maker_is_gone(planted: Planted) -> None:
    context, workspace = multiprocessing.get_context("spawn"), planted.workspace
    taken: multiprocessing.Queue[str] = context.Queue()
    over: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_keep, args=(workspace.root, taken, over), daemon=True)
    process.start()
    assert taken.get(timeout=120) == "r-rcc-1"
    assert create.free_name(workspace, None, "r-rcc-1") == "r-rcc-2"
    with pytest.raises(RunError, match="another command is creating"):
        create.free_name(workspace, "r-rcc-1", "")
    process.kill()
    process.join(60)
    assert create.free_name(workspace, "r-rcc-1", "") == "r-rcc-1"
