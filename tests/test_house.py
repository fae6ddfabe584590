"""The rules of the house that a machine can check: one-way imports, one place of pins, no CDN, no machine paths."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "slides": set(),
    "tiles": set(),
    "ingest": {"slides", "tiles"},
    "learn": {"tiles"},
    "explore": {"tiles", "learn", "slides"},
    "curate": {"explore", "tiles", "learn", "slides"},
}


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_downwards_only(room: str) -> None:
    for path in (ROOT / "core" / "tessera" / room).rglob("*.py"):
        rooms = {name.split(".")[1] for name in _imports(path) if name.startswith("tessera.") and name.count(".") >= 1}
        assert rooms & set(MAY_IMPORT) <= MAY_IMPORT[room] | {room}, path


def test_core_knows_no_dashboard_and_the_dashboard_no_torch() -> None:
    for path in (ROOT / "core").rglob("*.py"):
        assert not {name.split(".")[0] for name in _imports(path)} & {"tessera_app", "panel", "bokeh"}, path
    for path in (ROOT / "app").rglob("*.py"):
        assert "torch" not in {name.split(".")[0] for name in _imports(path)}, path


def test_light_modules_do_not_load_torch() -> None:
    modules = (
        "tessera.runs.control, tessera.cli.main, tessera.explore.clusters, tessera.curate.export.write, "
        "tessera.curate.decisions.decide, tessera.demo.demo"
    )
    script = f"import {modules}; import sys; assert 'torch' not in sys.modules and 'umap' not in sys.modules"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


def test_environment_file_repeats_no_pin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line.strip("- ").strip() for line in (ROOT / "environment.yml").read_text().splitlines()]
    extras = re.search(r"e \.\[(.*)\]", "\n".join(lines))
    assert extras is not None
    assert set(extras.group(1).split(",")) <= set(project["optional-dependencies"])
    python = next(line for line in lines if line.startswith("python"))
    assert project["requires-python"] == ">=3.11"
    assert python == "python=3.11"
    names = {re.split(r"[<>=;\[ ]", requirement)[0] for requirement in project["dependencies"]}
    assert not names & {re.split(r"[<>=]", line)[0] for line in lines}


def test_no_machine_paths_or_download_hosts_in_the_tree() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    forbidden = re.compile(r"/work/|/root/|/home/[a-z]+/|files\.python" + r"hosted|registry\.npm" + r"js")
    for name in listed:
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".yml", ".js", ".json", ".ipynb", ""}
            and path.is_file()
            and name != "tests/test_house.py"
        ):
            assert not forbidden.search(path.read_text(errors="replace")), name
