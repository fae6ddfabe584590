"""Room is given back: what goes is listed first, what people decided stays, and no number of a run is used again."""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path

import psutil
import pytest
from tessera.cli.main import main
from tessera.config import RunConfig
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.decisions.state import state_of
from tessera.errors import RunError
from tessera.runs import create, remove
from tessera.runs.rows import list_runs, open_run, run_names

from tests.tessera.planted import RUN, Planted


def aged(path: Path) -> Path:
    two_days_ago = time.time() - 2 * 86_400
    os.utime(path, (two_days_ago, two_days_ago))
    return path


def checkpoint(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("data", b"x" * 10_000)
    return path


def test_a_run_is_deleted_only_when_it_is_said_so(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    workspace, at = planted.workspace, ("--workspace", str(planted.workspace.root))
    name_cluster(workspace, RUN, 2, 0, "stroma", author="osler")
    run = open_run(workspace, RUN)
    assert main(["delete", RUN, *at]) == 0
    assert "nothing is deleted yet" in capsys.readouterr().out
    assert run.folder.intervals() == [0, 1, 2]
    assert main(["delete", RUN, "--yes", "--json", *at]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["done"]
    assert said["bytes"] > planted.n * 3 * 4  # its three assignments at least
    assert run_names(workspace) == []
    assert not run.folder.root.exists()
    assert workspace.n_tiles() == planted.n
    with workspace.ledger.read() as connection:
        kept = connection.execute("SELECT payload FROM decision WHERE run_id = ?", (run.id,)).fetchall()
        about = connection.execute("SELECT value FROM meta WHERE key = ?", (f"deleted_run:{run.id}",)).fetchone()
    assert [json.loads(row[0])["value"] for row in kept] == ["stroma"]
    assert json.loads(about[0])["name"] == RUN


def test_a_new_run_of_the_same_name_inherits_nothing(planted: Planted) -> None:
    workspace = planted.workspace
    name_cluster(workspace, RUN, 2, 0, "stroma", author="osler")
    old = open_run(workspace, RUN)
    remove.delete(old)
    old.folder.save_projection(
        2, planted.labels[:2].T.astype("float32")
    )  # as if the kill had come before the files went
    new = create.create(workspace, RunConfig.of({"clustering.clusters": 3}), RUN)
    assert new.id > old.id
    assert state_of(workspace, RUN).names == {}
    assert new.folder.projections() == []


def test_what_is_at_work_or_named_by_another_run_is_not_deleted(planted: Planted) -> None:
    run = open_run(planted.workspace, RUN)
    child = create.create(planted.workspace, RunConfig.of({"clustering.clusters": 3}), "child")
    text = json.dumps({**json.loads(child.config_json), "source": RUN})
    with planted.workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET config = ?, state = 'finished' WHERE id = ?", (text, child.id))
    with pytest.raises(RunError, match="child was clustered from planted"):
        remove.delete(run)
    me = psutil.Process()
    with planted.workspace.ledger.write() as connection:
        values = (me.pid, me.create_time(), child.id)
        connection.execute("UPDATE run SET state = 'running', pid = ?, pid_started = ? WHERE id = ?", values)
    with pytest.raises(RunError, match="tessera stop child"):
        remove.delete(child)
    assert len(list_runs(planted.workspace)) == 2


def test_a_name_that_failed_before_its_first_clustering_can_be_had_again(planted: Planted) -> None:
    made = create.create(planted.workspace, RunConfig.of({"clustering.clusters": 3}), "wrong")
    with planted.workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET state = 'failed' WHERE id = ?", (made.id,))
    with pytest.raises(RunError, match="`tessera delete wrong` frees its name"):
        create.create(planted.workspace, RunConfig.of({"clustering.clusters": 3}), "wrong")
    remove.delete(made)
    assert create.create(planted.workspace, RunConfig.of({"clustering.clusters": 3}), "wrong").state == "queued"


def test_pruning_keeps_the_last_whole_checkpoint_and_all_results(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    run = open_run(planted.workspace, RUN)
    old, last = (checkpoint(run.folder.checkpoint_path / f"{step:010d}-00002.pt") for step in (24, 36))
    scratch = run.folder.root / "points.f16"
    scratch.write_bytes(b"0" * 5000)
    orphan = run.folder.root.parent / "never-recorded"
    orphan.mkdir()
    (orphan / "config.json").write_text("{}")
    young = run.folder.root.parent / "young"
    young.mkdir()
    half = run.folder.root / ".config.json.1.tmp"
    half.write_text("half")
    aged(half)
    aged(orphan)
    at = ("--workspace", str(planted.workspace.root))
    assert main(["prune", "--json", *at]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {item["path"] for item in listed["files"]} == {str(path) for path in (old, scratch, orphan, half)}
    assert old.exists()
    assert main(["prune", "--yes", *at]) == 0
    assert "MB freed" in capsys.readouterr().out
    assert [path.exists() for path in (old, scratch, orphan, half, last, young)] == [False] * 4 + [True] * 2
    assert run.folder.intervals() == [0, 1, 2]
    assert len(run.folder.open_bank()) == planted.n
    assert main(["prune", *at]) == 0
    assert "nothing to free" in capsys.readouterr().out


def test_an_older_checkpoint_stays_when_the_last_one_is_damaged(planted: Planted) -> None:
    run = open_run(planted.workspace, RUN)
    _, last = (checkpoint(run.folder.checkpoint_path / f"{step:010d}-00002.pt") for step in (24, 36))
    data = bytearray(last.read_bytes())
    data[200] ^= 1
    last.write_bytes(data)
    assert remove.unneeded(planted.workspace) == []
