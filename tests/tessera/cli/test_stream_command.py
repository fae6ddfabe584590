"""`tessera ingest` from an archive, as typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from tessera.cli import main
from tessera.demo.synthetic import draw_slide
from tessera.ingest.archive.ledger import read_stream, totals
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import Fault, StandIn


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[StandIn]:
    slide = draw_slide(tmp_path / "one.svs", seed=1, width=640, height=640, regions=4).path
    with StandIn() as server:
        server.add("TCGA-A1-0001-01Z-00-DX1.svs", slide.read_bytes())
        server.add("TCGA-A2-0002-01Z-00-DX1.svs", b"II*\0 no slide", project="TCGA-LUAD")
        stamina.set_testing(True, attempts=1000)
        yield server
        stamina.set_testing(False)


class Shell:
    def __init__(self, archive: StandIn, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.archive, self.root, self._capsys = archive, root, capsys

    def __call__(self, *words: object) -> tuple[int, str, str]:
        settings = ["--set", f"gdc_url={self.archive.url}", "--set", "attempts=2", "--set", "rounds=1"]
        settings += ["--set", "free_floor=0", "--set", "commit_every_s=0"]
        code = main.main(["ingest", *map(str, words), *settings, "--workspace", str(self.root), "--tile-px", "64"])
        out = self._capsys.readouterr()
        return code, out.out, out.err


@pytest.fixture
def shell(archive: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(archive, tmp_path / "w", capsys)


def test_plan_then_ingest_then_nothing_to_do(shell: Shell) -> None:
    code, out, _ = shell("gdc:", "--project", "TCGA-BRCA", "--plan")
    assert code == 0
    assert "slides   1," in out
    assert "Data Release 44.0" in out
    assert not shell.root.exists()
    code, out, _ = shell("gdc:", "--project", "TCGA-BRCA", "--slide-budget", "1GB", "--tile-budget", "1GB", "--json")
    assert code == 0
    assert json.loads(out)["slides_done"] == 1
    row = read_stream(Workspace.open(shell.root))
    assert row is not None
    assert (row.stream.slide_budget, row.ingest.tile_px, row.state) == (10**9, 64, "finished")
    code, out, _ = shell("--go-on")
    assert code == 0
    assert "1 known" in out
    assert "known slides keep" not in out
    _, out, _ = shell("--go-on", "--max-tiles-per-slide", "1")
    assert "known slides keep the tiles they have; for new slides only: max_tiles_per_slide" in out


def test_local_workers_hold_their_budgets_on_one_disk(shell: Shell, caplog: pytest.LogCaptureFixture) -> None:
    words = ("gdc:", "--project", "TCGA-BRCA", "--slide-budget", "10MB", "--workers", "2", "--launch", "local")
    assert "2 workers on this machine may hold 20.0 MB of slides together" in shell(*words, "--plan")[1]
    code, _, err = shell(*words, "--set", "tile_budget=1")  # refused, after it is said
    assert code == 1
    assert "--tile-budget" in err
    assert "2 workers on this machine may hold 20.0 MB of slides together" in caplog.text


def test_one_bad_slide_gives_exit_code_1_and_its_reason(shell: Shell) -> None:
    code, out, _ = shell("gdc:", "--project", "TCGA-BRCA,TCGA-LUAD")
    assert code == 1
    assert "1 slide," in out
    assert "! TCGA-A2-0002-01Z-00-DX1.svs: begins like a slide but is cut short or damaged" in out
    code, out, _ = shell("gdc:", "--project", "TCGA-BRCA,TCGA-LUAD")
    assert code == 0  # nothing new failed
    assert "1 slide is still out from before" in out
    code, out, _ = shell("--go-on", "--retry-failed")
    assert code == 1
    assert "1 known" in out


@pytest.mark.parametrize("words", [("--go-on",), ("--go-on", "--retry-failed"), ("gdc:", "--project", "TCGA-OL")])
def test_a_default_mpp_brings_back_slides_that_record_none(
    shell: Shell, tmp_path: Path, words: tuple[str, ...]
) -> None:
    slide = draw_slide(tmp_path / "no-mpp.svs", seed=2, width=640, height=640, regions=4, mpp=None).path
    shell.archive.add("TCGA-OL-A5RX-01Z-00-DX1.svs", slide.read_bytes(), project="TCGA-OL")
    code, out, _ = shell("gdc:", "--project", "TCGA-OL")
    assert code == 3  # nothing failed, but a slide was set aside
    assert "--default-mpp X" in out
    code, out, _ = shell(*words, "--default-mpp", "0.5")
    assert code == 0, out
    assert "1 slide," in out


def test_a_default_mpp_brings_back_slides_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    draw_slide(folder / "no-mpp.svs", seed=2, width=640, height=640, regions=4, mpp=None)
    words = ["ingest", str(folder), "--workspace", str(tmp_path / "local"), "--tile-px", "64"]
    assert main.main(words) == 3
    assert "--default-mpp X" in capsys.readouterr().out
    assert main.main([*words, "--default-mpp", "0.5"]) == 0
    assert "1 slide," in capsys.readouterr().out


def test_manifest_and_list_of_urls(shell: Shell, tmp_path: Path) -> None:
    file_id, entry = next(iter(shell.archive.entries.items()))
    md5, size = entry.hit["md5sum"], entry.hit["file_size"]
    manifest = tmp_path / "manifest.txt"
    manifest.write_text(
        f"id\tfilename\tmd5\tsize\tstate\n{file_id}\t{entry.hit['file_name']}\t{md5}\t{size}\treleased\n"
    )
    assert shell("gdc:", "--manifest", manifest)[0] == 0
    urls = tmp_path / "urls.csv"
    urls.write_text(f"url,size,md5\n{shell.archive.url}/data/{file_id},{size},{md5}\n")
    _, out, _ = shell("--urls", urls)
    assert "has the same bytes as" in out
    other = Shell(shell.archive, tmp_path / "other", shell._capsys)
    assert other("--urls", urls)[0] == 0


def test_words_that_do_not_go_together(shell: Shell, tmp_path: Path) -> None:
    assert "give one source at a time" in shell("gdc:", tmp_path, "--project", "TCGA-BRCA")[2]
    assert "give one of" in shell("gdc:", "--project", "TCGA-BRCA", "--urls", tmp_path / "x")[2]
    assert "leave --project out" in shell("gdc:", "--project", "TCGA-BRCA", "--manifest", tmp_path / "x")[2]
    assert "needs --project" in shell("gdc:")[2]
    assert "choose of" in shell("gdc:", "--project", "P", "--strategy", "X")[2]
    assert "write a size" in shell("gdc:", "--project", "P", "--slide-budget", "many")[2]
    code, out, _ = shell("gdc:", "--project", "TCGA-BRCA", "--slide-budget", "10", "--plan")
    assert code == 1
    assert "slides   1," in out
    assert "give --slide-budget" in out
    assert "--plan needs a source" in shell("--go-on", "--plan")[2] or "no workspace" in shell("--go-on")[2]
    err = shell("gdc:", "--project", "P", "--set", "nonsense=1")[2]
    assert "unknown setting nonsense" in err
    assert "gdc_url" in err
    assert "tile_px" in err
    assert "write `tessera ingest gdc: --project TCGA-BRCA`" in shell("--project", "TCGA-BRCA")[2]
    assert "write `tessera ingest gdc: --strategy 'Tissue Slide'`" in shell("--strategy", "Tissue Slide", tmp_path)[2]
    assert "--plan is for archives" in shell(tmp_path, "--plan")[2]


def test_troubles_of_the_archive_are_said_in_words(shell: Shell) -> None:
    code, _, err = shell("gdc:", "--project", "TCGA-NONE")
    assert code == 1
    assert "check the names of the projects" in err
    shell.archive.script("/files", *[Fault("html")] * 100)
    code, _, err = shell("gdc:", "--project", "TCGA-BRCA")
    assert code == 1
    assert "not JSON" in err


def test_a_reader_who_has_enough_is_no_error(shell: Shell) -> None:
    assert shell("gdc:", "--project", "TCGA-BRCA")[0] == 0
    words = [sys.executable, "-m", "tessera", "status", "--workspace", str(shell.root)]
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(words, stdout=writes, stderr=subprocess.PIPE, check=False)
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, b"")


def test_pause_resume_and_stop_act_on_the_archives_ingest(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    def tessera(*words: str) -> tuple[int, str]:
        code = main.main([*words, "--workspace", str(shell.root)])
        out = capsys.readouterr()
        return code, out.out + out.err

    assert shell("gdc:", "--project", "TCGA-BRCA,TCGA-LUAD")[0] == 1
    workspace = Workspace.open(shell.root)
    assert "is not running" in tessera("pause", "ingest")[1]
    assert "nothing is queued" in tessera("resume", "ingest")[1]
    assert "--go-on" not in tessera("status")[1]
    with (
        workspace.ledger.write() as connection
    ):  # as of an ingest that is at work in this very process, with a slide left
        connection.execute("UPDATE remote_slide SET state = 'queued' WHERE state = 'failed'")
        connection.execute("UPDATE stream SET state = 'running', want = 'run'")
    for word, want in (("pause", "pause"), ("resume", "run"), ("stop", "stop")):
        assert tessera(word, "ingest")[0] == 0
        row = read_stream(workspace)
        assert row is not None
        assert row.want == want
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE stream SET state = 'stopped', pid = NULL")
    assert "continue with `tessera ingest --go-on`" in tessera("status")[1]
    assert tessera("resume", "ingest")[0] == 0
    until, tick = time.monotonic() + 60, threading.Event()
    while (row := read_stream(workspace)) is None or row.state != "finished":
        assert time.monotonic() < until, row
        tick.wait(0.1)
    assert "failed" in totals(workspace)  # the process that was started tried it again


def test_ranks_come_from_the_environment(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "rank 3 of 2" in shell("gdc:", "--project", "TCGA-BRCA")[2]
