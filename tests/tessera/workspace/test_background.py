"""Processes that a page starts: they import our modules only, and one that ends at once is not silent."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tessera.workspace.activity import recent, track
from tessera.workspace.background import SAFE_PYTHON, safe_environment, start_command
from tessera.workspace.folder import Workspace

ROOT = Path(__file__).resolve().parents[3]


def imported_from(folder: Path, environment: dict[str, str]) -> str:
    words = [*SAFE_PYTHON, "-c", "import tessera.config, argparse; print(tessera.__file__)"]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("path", [None, "", str(ROOT / "core"), "/nowhere:"])
def test_modules_of_the_current_folder_are_not_ours(tmp_path: Path, path: str | None) -> None:
    for name in ("argparse.py", "click.py", "tessera.py"):
        (tmp_path / name).write_text("raise RuntimeError('shadowed')")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    assert Path(imported_from(tmp_path, safe_environment(environment))) == ROOT / "core" / "tessera" / "__init__.py"


def test_a_command_that_ends_at_once_is_recorded_as_failed(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "argparse.py").write_text("raise RuntimeError('shadowed')")
    monkeypatch.chdir(tmp_path)
    start_command(workspace, "ingest", "--go-on").join()
    (failed,) = recent(workspace)
    assert (failed.kind, failed.state) == ("ingest", "failed")
    assert "exit code 1: there is nothing to continue" in failed.message


def test_a_command_that_recorded_its_own_end_is_not_recorded_twice(workspace: Workspace, tmp_path: Path) -> None:
    start_command(workspace, "ingest", str(tmp_path / "nothing")).join()
    (only,) = recent(workspace)
    assert only.state == "done"  # it said itself what it did not find
    with track(workspace, "ingest"):
        assert len(recent(workspace)) == 2
