"""Files, ledger, workspace, run folder, activity."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tessera.config import RunConfig
from tessera.errors import RunError, WorkspaceError
from tessera.runs import control
from tessera.workspace import activity, files
from tessera.workspace.folder import Workspace
from tessera.workspace.ledger import Ledger
from tessera.workspace.run_folder import Clusters, RunFolder


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(TypeError):
        files.write_bytes(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]  # noqa: PTH208


def test_a_failed_transaction_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(sqlite3.IntegrityError), workspace.ledger.write() as connection:  # noqa: PT012
        connection.execute("INSERT INTO meta VALUES ('key', 'value')")
        connection.execute("INSERT INTO meta VALUES ('key', 'again')")
    with workspace.ledger.read() as connection:
        assert connection.execute("SELECT count(*) FROM meta WHERE key = 'key'").fetchone()[0] == 0


def test_a_committed_row_survives_a_kill(workspace: Workspace) -> None:
    script = (
        "import os, sys; from pathlib import Path; from tessera.workspace.folder import Workspace\n"
        "w = Workspace.open(Path(sys.argv[1]))\n"
        "with w.ledger.write() as c: c.execute(\"INSERT INTO meta VALUES ('kept', '1')\")\n"
        "with w.ledger.write() as c:\n"
        "    c.execute(\"INSERT INTO meta VALUES ('lost', '1')\"); os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(workspace.root)], check=False).returncode == -9
    with workspace.ledger.read() as connection:
        assert [row["key"] for row in connection.execute("SELECT key FROM meta WHERE value = '1'")] == ["kept"]


def test_foreign_and_missing_ledgers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="tessera ingest"):
        Workspace.open(tmp_path)
    (tmp_path / "ledger.sqlite").write_bytes(b"this is not a database at all" * 50)
    with pytest.raises(WorkspaceError, match="not a Tessera ledger"):
        Workspace.open(tmp_path)


def test_a_ledger_of_another_schema_is_refused(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "ledger.sqlite")
    with ledger._connection() as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(WorkspaceError, match="schema 99"):
        Ledger.create(tmp_path / "ledger.sqlite")


def test_run_folder_gives_back_what_was_saved(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    labels = np.array([3, 3, -1, 9], np.int32)
    clusters = Clusters(np.array([3, 9]), np.array([2, 1]), np.eye(2, dtype=np.float32))
    folder.save_interval(4, labels, clusters)
    folder.save_distances(4, np.array([0.5, 0.25, np.nan, 0]))
    assert folder.intervals() == [4]
    np.testing.assert_array_equal(folder.assignment(4), labels)
    np.testing.assert_array_equal(folder.clusters(4).centroids, np.eye(2))
    np.testing.assert_array_equal(folder.distances(4), np.array([0.5, 0.25, np.nan, 0], np.float16))
    with pytest.raises(RunError, match="interval 5"):
        folder.clusters(5)


def test_bank_starts_unseen_and_keeps_its_shape(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    with pytest.raises(RunError, match="no features"):
        folder.open_bank()
    bank = folder.open_bank((5, 3))
    assert np.isnan(bank).all()
    bank[2] = 1
    bank.flush()
    assert np.isnan(folder.open_bank()).sum() == 12
    with pytest.raises(RunError, match="shape"):
        folder.open_bank((6, 3))


def test_activity_tells_progress_success_failure_and_a_lost_process(workspace: Workspace) -> None:
    with activity.track(workspace, "ingest") as progress:
        progress.update("reading", 3, 10)
        (going,) = activity.recent(workspace)
        assert (going.state, going.phase, going.done, going.total) == ("running", "reading", 3, 10)
    with pytest.raises(ValueError, match="broken"), activity.track(workspace, "map", run="r"):
        raise ValueError("broken")
    with workspace.ledger.write() as connection:
        connection.execute(
            "INSERT INTO activity (kind, state, pid, pid_started, started, updated) VALUES ('export', 'running', 1, "
            "5, 5, 5)"
        )
    lost, failed, done = activity.recent(workspace)
    assert (lost.state, failed.state, failed.message, done.state) == ("failed", "failed", "broken", "done")


def test_a_run_without_tiles_hears_of_an_ingest_at_work(workspace: Workspace) -> None:
    with pytest.raises(RunError, match="add some with"):
        control.create(workspace, RunConfig())
    with activity.track(workspace, "ingest"), pytest.raises(RunError, match="an ingest is running"):
        control.create(workspace, RunConfig())
