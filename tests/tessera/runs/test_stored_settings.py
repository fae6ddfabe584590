"""Settings that earlier, newer and damaged versions stored: listing never fails, and old runs go on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tessera.cli import status
from tessera.config import RunConfig
from tessera.curate.decisions import decide
from tessera.errors import RunError
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.workspace.folder import Workspace


@pytest.fixture
def old(shared_data: Path, tmp_path: Path) -> Workspace:
    """A copy of the workspace that b674df0 made."""
    shutil.copytree(shared_data / "workspaces" / "workspace-b674df0", tmp_path / "old")
    return Workspace.open(tmp_path / "old")


def store(workspace: Workspace, name: str, text: str) -> None:
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET config = ? WHERE name = ?", (text, name))


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "damaged"), ('{"version": 9}', "newer Tessera"), ('{"version": 2, "gone": 1}', "unknown setting gone")],
)
def test_a_run_whose_settings_cannot_be_read_is_listed_as_such(old: Workspace, text: str, problem: str) -> None:
    store(old, "v2", text)
    runs = {run.name: run for run in control.list_runs(old)}
    assert len(runs) == 5
    assert problem in runs["v2"].problem
    with pytest.raises(RunError, match=problem):
        _ = runs["v2"].config
    assert problem in status.describe(status.summarise(old))
    assert decide.names(old, "v2")[1] == "tumour"  # what people decided is there all the same


def test_flat_settings_are_read_as_they_were_and_keep_their_digest(old: Workspace) -> None:
    with old.ledger.read() as connection:
        stored = {row["name"]: row for row in connection.execute("SELECT * FROM run")}
    for run in control.list_runs(old):
        was = json.loads(stored[run.name]["config"])
        assert run.digest == stored[run.name]["digest"]
        config = run.config
        assert (config.method.name, config.encoder.name) == (was["method"], was["encoder"])
        assert config.clustering.clusterer.name == was["clusterer"]
        assert config.clustering.clusters == was["clusters"]
        assert config.optimiser.learning_rate == was["learning_rate"]


def test_an_unfinished_run_of_the_old_version_goes_on(old: Workspace) -> None:
    with old.ledger.write() as connection:  # as `tessera resume` asks, but in this process
        connection.execute("UPDATE run SET want = 'run' WHERE name = 'unfinished'")
    run = control.get(old, "unfinished")
    with Trainer(old, run, Reporter(old, run)) as trainer:
        trainer._restore()
        assert trainer.interval == run.interval == 2
        trainer._train()
        trainer._cluster(3)
    assert control.get(old, "unfinished").interval == 3
    assert RunConfig().epochs != 400
    assert control.get(old, "unfinished").epochs == 400
