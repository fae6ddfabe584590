"""The workspace that commit b674df0 made (shared data).

Everything that `EXPECTED.json` says is found in a copy of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tessera.cli.main import main
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.curate.export.write import export
from tessera.demo.synthetic import draw_slide
from tessera.explore.clusters import cluster_table
from tessera.explore.representatives import pick
from tessera.runs.process import request
from tessera.runs.rows import Run, list_runs, open_run
from tessera.workspace.folder import Workspace

NAME = "workspace-b674df0"


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    path = Path(os.environ.get("TESSERA_DATA", "none")) / "workspaces" / "EXPECTED.json"
    if not path.is_file():
        pytest.skip("no workspace of b674df0: set TESSERA_DATA")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def old(expected: dict[str, Any], tmp_path: Path) -> Workspace:
    source = Path(os.environ["TESSERA_DATA"]) / "workspaces" / NAME
    shutil.copytree(source, tmp_path / "w")
    for path in (tmp_path / "w", *(tmp_path / "w").rglob("*")):
        path.chmod(path.stat().st_mode | 0o600 | (0o100 if path.is_dir() else 0))
    return Workspace.open(tmp_path / "w")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_every_run_is_listed_with_its_settings_and_last_labels(old: Workspace, expected: dict[str, Any]) -> None:
    assert old.n_tiles() == expected["n_tiles"]
    runs = {run.name: run for run in list_runs(old)}
    assert set(runs) == set(expected["runs"])
    for name, about in expected["runs"].items():
        run = runs[name]
        assert run.interval == about["last_interval"], name
        labels = run.folder.assignment(run.interval)
        assert sha256(labels.astype(np.int32).tobytes()) == about["sha256_of_last_labels_int32"], name
        assert len(np.unique(labels[labels >= 0])) == about["clusters"], name
        assert run.state == ("stopped" if name == "unfinished" else "finished")
        assert run.config.epochs == json.loads(run.config_json)["epochs"]
        assert run.config.seed == 0
    assert runs["v2-leiden-1"].config.source == "v2"


def test_what_people_decided_is_there(old: Workspace, expected: dict[str, Any]) -> None:
    state = state_of(old, "v2")
    assert {str(k): v for k, v in state.names.items()} == expected["names_of_v2"]
    assert {str(k): v for k, v in state.marks.items()} == expected["mark_of_v2"]
    assert {str(k): v for k, v in state.notes.items()} == expected["note_of_v2"]
    assert len(history(old, "v2")) == expected["history_rows_of_v2"]


def test_map_galleries_and_tables_open(old: Workspace, expected: dict[str, Any]) -> None:
    assert open_run(old, "v2").folder.projections() == [3]
    assert open_run(old, "v2").folder.projection(3).shape == (expected["n_tiles"], 2)
    for name in expected["runs"]:
        clustering = curated_clustering(old, name)
        table = cluster_table(clustering)
        assert len(table) == expected["runs"][name]["clusters"]
        typical = pick(clustering, int(clustering.ids[0])).typical
        assert len(clustering.store.batch(typical)) == len(typical) > 0


def test_the_named_tiles_are_exported_as_they_were(old: Workspace, expected: dict[str, Any], tmp_path: Path) -> None:
    report = export(old, "v2", tmp_path / "out")
    assert report.n_tiles == expected["named_tiles_exported"]
    sums = sorted(sha256(path.read_bytes()) for path in (tmp_path / "out").rglob("*.jpg"))
    assert sha256("\n".join(sums).encode()) == expected["sha256_of_sorted_tile_sha256_of_named_export"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v1", "v2", "rcc"])
def test_its_networks_load_and_later_tiles_are_placed(old: Workspace, tmp_path: Path, name: str) -> None:
    from tessera.ingest import pipeline
    from tessera.learn.reuse.assign import assign
    from tessera.learn.reuse.trained import load_trained

    run = open_run(old, name)
    assert load_trained(old, run).interval == run.interval
    slide = draw_slide(tmp_path / "later.svs", seed=7, width=1152, height=1152).path
    assert pipeline.ingest(old, [slide], pipeline.config_of(old)).ok
    placed = assign(old, name)
    assert placed.n_placed == old.n_tiles() - run.n_tiles > 0
    after = open_run(old, placed.run).folder.assignment(0)
    np.testing.assert_array_equal(after[: run.n_tiles], run.folder.assignment(run.interval))


@pytest.mark.slow
def test_the_command_line_works_on_it(old: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    def tessera(*words: str) -> tuple[int, str]:
        code = main([*words, "--workspace", str(old.root)])
        out = capsys.readouterr()
        return code, out.out + out.err

    code, said = tessera("status")
    assert code == 0
    assert all(f"run       {name}: " in said for name in ("v1", "v2", "rcc", "unfinished", "v2-leiden-1"))
    assert "379 tiles of 2 groups, no labels, 8 clusters" in tessera("evaluate", "v2")[1]
    assert tessera("compare", "v2", "v1", "rcc", "v2-leiden-1")[0] == 0
    assert tessera("history", "v2")[1].count("\n") == 7
    assert tessera("cluster", "v2", "--with", "kmeans", "--clusters", "5", "--as", "again")[0] == 0


def wait_until(run: Run, there: Any) -> Run:
    ends = time.monotonic() + 180
    while not there(now := run.refreshed()):
        assert time.monotonic() < ends, "waited too long"
        os.sched_yield()
    return now


@pytest.mark.slow
def test_the_unfinished_run_goes_on_from_where_it_was(old: Workspace) -> None:
    run = open_run(old, "unfinished")
    before = run.folder.assignment(2).copy()
    request(run, "run")
    now = wait_until(run, lambda now: now.interval > 3 or (now.state in ("failed", "stopped") and not now.alive))
    assert now.interval > 3, now.message
    request(run, "stop")
    assert wait_until(run, lambda now: not now.alive).state == "stopped"
    np.testing.assert_array_equal(run.folder.assignment(2), before)
