"""What words mean: every command has a help, nothing heavy is loaded for it, settings are a file and a schema."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tessera import config as configuration
from tessera.cli.main import main
from tessera.cli.table import COMMANDS, Command
from tessera.cli.tools import CONFIGS
from tessera.config import IngestConfig, RunConfig
from tessera.demo.synthetic import draw_slide
from tessera.ingest.pipeline import ingest
from tessera.workspace.folder import Workspace

from tests.tessera.planted import RUN, Planted

# of b674df0: scripts rely on these
OLD_COMMANDS = [
    "ingest",
    "run",
    "status",
    "pause",
    "resume",
    "stop",
    "work",
    "cluster",
    "compare",
    "evaluate",
    "assign",
    "project",
    "export",
    "name",
    "history",
    "undo",
    "propagate",
    "recluster",
    "serve",
    "demo",
    "doctor",
]
HEAVY = ("torch", "pandas", "lance", "faiss", "umap", "sklearn", "panel", "matplotlib", "cv2", "timm")


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    try:
        code = main([str(word) for word in words])
    except SystemExit as left:
        code = int(left.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_no_command_is_lost() -> None:
    assert set(OLD_COMMANDS) <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_that_agrees_with_the_list(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command: Command = COMMANDS[name]
    code, out, _ = answer(capsys, name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: tessera {name}")
    assert (inspect.getdoc(command.load()) or "").lower().startswith(command.help.lower().split(" (")[0])
    for config in command.settings:
        known = configuration.settings(getattr(configuration, config))
        assert all(name in out for name, about in known.items() if not about.internal)
    assert "%%" not in out


def test_help_shows_choices_units_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    help_of_cluster = answer(capsys, "cluster", "--help")[1]
    assert all(clusterer in help_of_cluster for clusterer in configuration.CLUSTERERS)
    assert "[default: rcc]" in help_of_cluster
    help_of_ingest = answer(capsys, "ingest", "--help")[1]
    assert "[px] Default 224" in " ".join(help_of_ingest.split())
    assert "TESSERA_WORKSPACE" in help_of_ingest


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["export", "--help"], ["status"]])
def test_answers_that_need_nothing_heavy_load_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    script = (
        "import sys; from tessera.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        f"loaded = set({HEAVY!r}) & set(sys.modules)\nassert not loaded, loaded\n"
        "assert len(sys.argv) != 2 or sys.argv[1] == 'status' or not {'numpy', 'cyclopts'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["statsu"], "did you mean status?"),
        (["run", "--detahc"], "Did you mean --detach?"),
        (["cluster", "r", "--with", "magic"], "rcc"),
        (["pause"], "requires an argument"),
        (["name", "r", "three"], "int"),
    ],
)
def test_wrong_words_end_with_2_and_say_what_is_meant(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer(capsys, *words)
    assert (code, out) == (2, "")
    assert "usage: tessera" in err
    assert said in err


@pytest.mark.parametrize("which", CONFIGS)
def test_the_file_of_defaults_is_read_back_as_the_defaults(
    which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(answer(capsys, "config", which, "--defaults")[1])
    assert configuration.load(CONFIGS[which], path, {}) == CONFIGS[which]()
    assert path.read_text() == answer(capsys, "config", which)[1]


def test_the_schema_knows_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(answer(capsys, "config", "--schema")[1])
    assert set(schema["properties"]) == {
        name for name, about in configuration.settings(RunConfig).items() if not about.internal
    }


def test_toml_and_json_files_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("epochs = 3\n[clustering]\nclusters = 7\n")
    (tmp_path / "a.json").write_text('{"epochs": 3, "clustering": {"clusters": 7}}')
    found = [configuration.load(RunConfig, tmp_path / name, {}) for name in ("a.toml", "a.json")]
    assert found[0] == found[1]
    assert (found[0].epochs, found[0].clustering.clusters) == (3, 7)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "completion", shell)
    assert code == 0
    assert all(name in out for name in COMMANDS)
    assert "max-tiles-per-slide" in out


def test_the_workspace_comes_from_the_environment_unless_it_is_named(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(planted.workspace.root))
    code, out, _ = answer(capsys, "status", "--json")
    assert (code, json.loads(out)["tiles"]) == (0, planted.n)
    assert answer(capsys, "status", "--workspace", tmp_path / "none")[0] == 1


def test_assign_refuses_a_path_that_does_not_exist_before_anything_is_placed(
    planted: Planted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = draw_slide(tmp_path / "later.svs", seed=9, width=704, height=640).path
    assert ingest(planted.workspace, [later], IngestConfig(mpp=0.7, tile_px=96, overlap=16)).tiles_added > 0
    before = planted.workspace.n_tiles()
    code, _, err = answer(capsys, "assign", RUN, tmp_path / "nowhere", "--workspace", planted.workspace.root)
    assert code == 1
    assert f"no such file or folder: {tmp_path / 'nowhere'}" in err
    assert (
        planted.workspace.n_tiles(),
        answer(capsys, "status", "--json", "--workspace", planted.workspace.root)[0],
    ) == (
        before,
        0,
    )
    runs = json.loads((answer(capsys, "status", "--json", "--workspace", planted.workspace.root))[1])["runs"]
    assert [run["name"] for run in runs] == [RUN]


def test_an_ingest_that_only_sets_aside_ends_with_3_and_one_that_fails_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = draw_slide(tmp_path / "good.svs", seed=1, width=640, height=640, regions=4).path
    unsized = draw_slide(tmp_path / "no-mpp.svs", seed=2, width=640, height=640, regions=4, mpp=None).path
    broken = tmp_path / "broken.svs"
    broken.write_text("no slide")
    at = ("--tile-px", "64", "--workspace", Workspace.create(tmp_path / "w").root)
    assert answer(capsys, "ingest", good, unsized, *at)[0] == 3
    assert answer(capsys, "ingest", good, broken, *at)[0] == 1
    assert answer(capsys, "ingest", good, *at)[0] == 0
