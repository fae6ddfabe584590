"""The command line as a person or a script uses it: words in, answers in JSON, honest exit codes.

Most words are given to `main` in this process, which loads torch once and not at each command; runs start processes of
their own as ever, and some words go to `tessera` as a process too.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from tessera.cli.main import main
from tessera.demo.synthetic import CLASSES, draw_slide, draw_texture

SETTINGS = (
    "encoder=tiny clustering.clusters=6 epochs=2 tile_px=32 batch_size=32 features.pca_dim=8 threads=1 device=cpu"
)
TINY = [word for setting in SETTINGS.split() for word in ("--set", setting)]


class Shell:
    """Gives words to `tessera` in one workspace."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def __call__(self, *words: object) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(self._words(words))
            except SystemExit as left:  # wrong words, told by argparse
                code = int(left.code or 0)
        return code, out.getvalue(), err.getvalue()

    def process(self, *words: object) -> tuple[int, str, str]:
        command = [Path(sys.executable).with_name("tessera"), *self._words(words)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def json(self, *words: object) -> Any:
        code, out, err = self(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    def fails(self, *words: object) -> str:
        code, out, err = self(*words)
        assert code == 1, (code, out, err)
        assert err.strip().startswith("tessera: ")
        return err

    def _words(self, words: tuple[object, ...]) -> list[str]:
        return [*map(str, words), "--workspace", str(self._workspace)]


def labelled_tiles(folder: Path, groups: bool) -> Path:
    """30 tiles of each texture in class folders; with groups, labels.csv puts six rows of them into one group each."""
    rng, lines = np.random.default_rng(0), ["file,label,group"]
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        big = draw_texture(kind, rng, 512)
        for i in range(30):
            y, x = divmod(i, 6)
            tile = np.ascontiguousarray(big[y * 96 : y * 96 + 96, x * 80 : x * 80 + 96])
            (folder / kind / f"{i}.jpg").write_bytes(simplejpeg.encode_jpeg(tile))
            lines.append(f"{kind}/{i}.jpg,{kind},{kind}-{y}")
    if groups:
        (folder / "labels.csv").write_text("\n".join(lines))
    return folder


@pytest.mark.slow
def test_the_whole_path_by_the_command_line(tmp_path: Path) -> None:
    slides, tessera = tmp_path / "slides", Shell(tmp_path / "w")
    slides.mkdir()
    for seed in range(2):
        draw_slide(slides / f"s{seed}.svs", seed=seed, width=1344, height=1152)
    report = tessera.json("ingest", slides, "--tile-px", 96)
    assert (report["slides_done"], report["problems"]) == (2, [])
    again = tessera.json("ingest", slides, "--tile-px", 96)
    assert (again["skipped"], again["tiles_added"]) == (2, 0)
    (slides / "broken.svs").write_text("no slide")
    code, out, _ = tessera.process("ingest", slides, "--tile-px", 96, "--json")
    assert code == 1
    assert [name for name, _ in json.loads(out)["problems"]] == ["broken.svs"]

    assert "no run r" in tessera.fails("resume", "r")
    created = tessera.json("run", "--name", "r", *TINY)
    assert (created["run"], created["state"]) == ("r", "finished")
    assert "already" in tessera.fails("run", "--name", "r", *TINY)
    assert "finished" in tessera.fails("pause", "r")
    code, out, _ = tessera.process("status", "--json")
    status = json.loads(out)
    assert (code, status["tiles"]) == (0, report["tiles_added"])
    assert status["slides"] == {"done": 2}
    (run,) = status["runs"]
    assert (run["name"], run["state"], run["interval"], run["config"]["clustering"]["clusters"]) == (
        "r",
        "finished",
        2,
        6,
    )
    assert 0 <= run["nmi"] <= 1
    assert run["loss"] > 0
    assert any("tiles per cluster" in text for text in run["said"])
    assert run["said"] == created["said"][: len(run["said"])]

    found = tessera.json("evaluate", "r")  # there are no labels
    assert "clusters" not in found
    assert -0.2 < found["regions"]["coherence"] <= 1
    assert found["words"][0].startswith("on slides the clusters form")
    placed = tessera.json("project", "r")
    assert (placed["run"], placed["interval"], placed["tiles"]) == ("r", 2, status["tiles"])
    assert "no cluster has a name" in tessera.fails("export", "r", "--to", tmp_path / "out")
    written = tessera.json("export", "r", "--to", tmp_path / "out", "--clusters", "all")
    assert written["n_tiles"] == status["tiles"] == len(list((tmp_path / "out").rglob("*.jpg")))
    assert sum(written["classes"].values()) == written["n_tiles"]
    assert "exists already" in tessera.fails("export", "r", "--to", tmp_path / "out", "--clusters", "all")
    assert "--clusters 1,x" in tessera.fails("export", "r", "--to", tmp_path / "other", "--clusters", "1,x")


@pytest.mark.slow
@pytest.mark.parametrize("groups", [True, False])
def test_runs_are_steered_and_scored_by_the_command_line(tmp_path: Path, groups: bool) -> None:
    tessera = Shell(tmp_path / "w")
    tessera.json("ingest", "--tiles", labelled_tiles(tmp_path / "tiles", groups), "--tile-px", 96)
    assert "too many" in tessera.fails("run", "--set", "clustering.clusters=1000")
    assert "unknown setting" in tessera.fails("run", "--set", "colour=red")
    assert "did you mean clustering.clusters?" in tessera.fails("run", "--set", "clutsers=7")
    assert "resnet" in tessera.fails("run", "--set", "encoder=resnet19")
    assert "no such file" in tessera.fails("run", "--set", f"encoder.weights={tmp_path / 'none.pth'}")
    assert "choose auto, cpu, cuda" in tessera.fails("run", "--set", "device=tpu")
    assert tessera.json("status")["runs"] == []  # what cannot be leaves no run behind
    (tmp_path / "settings.json").write_text('{"clusters": 7, "epochs": 2}')
    words = ("run", "--config", tmp_path / "settings.json", "--name", "r", "--detach", *TINY)
    assert tessera.json(*words)["run"] == "r"
    assert tessera.json("stop", "r") == {"run": "r", "want": "stop"}
    while (run := tessera.json("status")["runs"][0])["alive"]:
        assert run["state"] in ("queued", "running", "stopped", "finished")
    assert run["config"]["clustering"]["clusters"] == 6  # words beat the file
    if run["state"] != "finished":  # it may have been quicker than the word
        tessera.json("resume", "r")
        while (run := tessera.json("status")["runs"][0])["alive"]:
            assert run["state"] != "failed"
    assert run["state"] == "finished"
    scores = tessera.json("evaluate", "r")
    assert 0 < scores["clusters"]["nmi"] <= 1
    assert 0 <= scores["clusters"]["carry_over"] <= scores["clusters"]["many_to_one"]
    assert 0 <= scores["clusters"]["unnamed"] <= 1
    assert scores["clusters"]["ami"] <= scores["clusters"]["ami_ceiling"] + 0.02
    for what in ("run", "random encoder", "colour statistics"):
        found = scores["features"][what]
        assert 0 < found["kmeans_ami"] <= 1
        # class folders alone do not say which tiles belong together, so that nothing fair can be learnt from them
        assert [found["knn"] is None, found["linear"] is None] == [not groups, not groups]
    assert ("two groups" in tessera("evaluate", "r")[1]) is not groups


def test_wrong_words_are_told_apart_from_failures(tmp_path: Path) -> None:
    tessera = Shell(tmp_path / "none")
    for words in (("fly",), ("run", "--fast"), ("export", "r"), ()):
        code, _, err = tessera.process(*words)
        assert code == 2
        assert "usage" in err
    assert "no workspace in" in tessera.fails("status")
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_demo_is_made_once_and_found_again(tmp_path: Path) -> None:
    """On small slides in the place where the demo keeps its drawings; the server is left out."""
    drawings = tmp_path / "w" / "demo-slides"
    drawings.mkdir(parents=True)
    for seed in range(2):
        draw_slide(drawings / f"s{seed}.svs", seed=seed, width=2304, height=2048)
    tessera = Shell(tmp_path / "w")
    assert tessera("demo", "--no-serve", "--offline")[0] == 0
    first = tessera.json("status")
    look, run = first["runs"]
    assert [(one["name"], one["state"]) for one in (look, run)] == [("look", "finished"), ("demo", "finished")]
    assert (tmp_path / "w" / "runs" / "look" / "projection" / "0000.npy").is_file()
    assert first["slides"] == {"done": 2}
    folder = tmp_path / "w" / "runs" / "demo"
    maps = sorted(path.name for path in (folder / "projection").iterdir())
    assert maps == [f"{run['interval']:04d}.npy"]
    written = (folder / "projection" / maps[0]).stat().st_mtime_ns
    assert tessera("demo", "--no-serve", "--offline")[0] == 0
    assert tessera.json("status")["runs"] == first["runs"]
    assert (folder / "projection" / maps[0]).stat().st_mtime_ns == written


@pytest.mark.slow
def test_without_data_and_network_the_demo_draws_its_slides_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tessera.demo.demo import find_cohort
    from tessera.slides.reader import Slide
    from tessera.workspace.folder import Workspace
    from tessera.workspace.progress import Silent

    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "nothing"))
    workspace = Workspace.create(tmp_path / "w")
    (workspace.root / ".demo-slides").mkdir()  # of a demo that was killed while it drew
    (workspace.root / ".demo-slides" / "synthetic-01.svs").write_bytes(b"half")
    (folder,) = find_cohort(workspace, Silent())  # tests let no connection out
    slides = sorted(folder.glob("*.svs"))
    assert len(slides) == 4
    for path in slides:
        with Slide(path) as slide:
            assert slide.mpp == 0.5
    before = [path.stat().st_mtime_ns for path in slides]
    assert find_cohort(workspace, Silent(), offline=True) == [folder]
    assert [path.stat().st_mtime_ns for path in slides] == before
