from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import simplejpeg
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.export.log import list_exports, working_folder
from tessera.curate.export.write import export, slug
from tessera.demo.synthetic import draw_slide
from tessera.errors import RunError, StoreError, TesseraError
from tessera.explore.clustering import open_clustering
from tessera.explore.clusters import slide_names
from tessera.ingest.pipeline import ingest
from tessera.tiles.store import TileStore
from tessera.workspace.progress import Silent

from tests.tessera.planted import INGEST, RUN, Planted, jpegs


def name(planted: Planted, **names: str) -> None:
    """name(planted, c3="fat") names cluster 3."""
    for cluster, given in names.items():
        name_cluster(planted.workspace, RUN, 2, int(cluster[1:]), given, author="A")


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")} if folder.exists() else set()


def test_the_manifest_tells_the_truth_about_every_file(planted: Planted, tmp_path: Path) -> None:
    name(planted, c0="tumour", c3="fat", c6="tumour")
    with planted.workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET site = 'A1', project = 'TCGA-BRCA', sample_type = 'Primary Tumor'")
    report = export(planted.workspace, RUN, tmp_path / "out", author="Dr Virchow")
    labels, clustering, tiles = planted.labels[2], open_clustering(planted.workspace, RUN), jpegs(planted)
    rows = pq.read_table(report.path / "manifest.parquet").to_pylist()
    assert [row["tile"] for row in rows] == np.flatnonzero(np.isin(labels, [0, 3, 6])).tolist()
    names = slide_names(clustering)
    for row in rows:
        tile, data = row["tile"], (report.path / row["file"]).read_bytes()
        assert data == tiles[tile]
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["cluster"] == labels[tile]
        assert row["name"] == {0: "tumour", 3: "fat", 6: "tumour"}[row["cluster"]]
        assert row["file"].split("/")[0] == row["name"]
        assert (row["x0"], row["y0"]) == (clustering.index.x0[tile], clustering.index.y0[tile])
        assert row["slide"] == names[clustering.index.slide[tile]]
        assert (row["mpp"], row["run"], row["interval"]) == (INGEST.mpp, RUN, 2)
        assert (row["site"], row["project"], row["sample_type"]) == ("A1", "TCGA-BRCA", "Primary Tumor")
    files = {str(path.relative_to(report.path)) for path in report.path.rglob("*.jpg")}
    assert files == {row["file"] for row in rows}
    counts = {"tumour": int(np.isin(labels, [0, 6]).sum()), "fat": int((labels == 3).sum())}
    assert (report.n_tiles, report.classes) == (len(rows), counts)


def test_the_provenance_names_settings_decisions_and_only_slides_of_the_set(planted: Planted, tmp_path: Path) -> None:
    ingest(planted.workspace, [draw_slide(tmp_path / "later.svs", seed=9, width=704, height=640).path], INGEST)
    name(planted, c3="fat")
    report = export(planted.workspace, RUN, tmp_path / "out", author="Dr Virchow")
    told = json.loads((report.path / "provenance.json").read_text())
    assert (told["run"], told["interval"], told["author"]) == (RUN, 2, "Dr Virchow")
    assert (told["n_tiles"], told["classes"]) == (report.n_tiles, report.classes)
    assert [(d["cluster"], d["value"], d["author"]) for d in told["decisions"]] == [(3, "fat", "A")]
    assert told["settings"]["clustering"]["clusters"] == 6
    rows = pq.read_table(report.path / "manifest.parquet").to_pylist()
    assert {slide["name"] for slide in told["slides"]} == {row["slide"] for row in rows}
    assert all(len(slide["sha256"]) == 64 and slide["mpp"] == 0.5 for slide in told["slides"])
    assert f"| fat | {report.n_tiles:,} |" in (report.path / "README.md").read_text()


def test_the_card_names_slides_whose_tiles_are_enlarged(planted: Planted, tmp_path: Path) -> None:
    assert (
        "coarser" not in (export(planted.workspace, RUN, tmp_path / "a", clusters="all").path / "README.md").read_text()
    )
    with planted.workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET reason = 'is coarser' WHERE name = 'slide-1'")
    told = export(planted.workspace, RUN, tmp_path / "b", clusters="all").path
    assert "- slide-1 is coarser" in (told / "README.md").read_text()
    cautions = {
        slide["name"]: slide["caution"] for slide in json.loads((told / "provenance.json").read_text())["slides"]
    }
    assert {name for name, caution in cautions.items() if caution} == {"slide-1"}


def test_parquet_holds_the_pixels_themselves(planted: Planted, tmp_path: Path) -> None:
    report = export(planted.workspace, RUN, tmp_path / "out", format="parquet", clusters="all")
    rows = pq.read_table(report.path / "manifest.parquet").to_pylist()
    tiles = jpegs(planted)
    assert [row["tile"] for row in rows] == np.flatnonzero(planted.labels[2] >= 0).tolist()
    assert all(row["jpeg"] == tiles[row["tile"]] for row in rows)
    assert all(row["sha256"] == hashlib.sha256(row["jpeg"]).hexdigest() for row in rows)
    assert simplejpeg.decode_jpeg(rows[0]["jpeg"]).shape == (96, 96, 3)
    assert everything_below(report.path) == {"manifest.parquet", "provenance.json", "README.md"}


def test_chosen_clusters_and_an_older_clustering(planted: Planted, tmp_path: Path) -> None:
    chosen = export(planted.workspace, RUN, tmp_path / "chosen", clusters=[6, 0], interval=1)
    assert set(chosen.classes) == {"cluster-6", "cluster-0"}
    rows = pq.read_table(chosen.path / "manifest.parquet").to_pylist()
    assert [row["tile"] for row in rows] == np.flatnonzero(np.isin(planted.labels[1], [0, 6])).tolist()
    for clusters, said in (([0, 99], "no cluster 99"), ([], "cannot export"), ("some", "cannot export")):
        with pytest.raises(TesseraError, match=said):
            export(planted.workspace, RUN, tmp_path / "wrong", clusters=clusters)
    with pytest.raises(TesseraError, match="no cluster has a name"):
        export(planted.workspace, RUN, tmp_path / "wrong")
    with pytest.raises(TesseraError, match="--format csv"):
        export(planted.workspace, RUN, tmp_path / "wrong", clusters="all", format="csv")
    with pytest.raises(RunError, match="not 9"):
        export(planted.workspace, RUN, tmp_path / "wrong", clusters="all", interval=9)
    assert everything_below(tmp_path / "wrong") == set()


def test_names_become_safe_folders_that_do_not_run_into_each_other(planted: Planted, tmp_path: Path) -> None:
    given = {"c0": "../../etc/x", "c3": "=cmd|' /C calc'!A0", "c6": "Fett", "c9": "fett", "c12": "上皮", "c15": "."}
    name(planted, **given)
    report = export(planted.workspace, RUN, tmp_path / "deep" / "out")
    assert set(report.classes) == set(given.values())
    rows = pq.read_table(report.path / "manifest.parquet").to_pylist()
    folder_of = {row["name"]: row["file"].split("/")[0] for row in rows}
    assert set(folder_of) == set(given.values())  # the manifest has the names as they were given
    assert len({folder.lower() for folder in folder_of.values()}) == 6
    for row in rows:
        path = (report.path / row["file"]).resolve()
        assert path.parent.parent == report.path.resolve()
        assert path.is_file()
    assert all(folder[0].isalnum() for folder in folder_of.values())
    assert all(letter.isalnum() or letter in "._-" for folder in folder_of.values() for letter in folder)
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}


@pytest.mark.parametrize("text", ["..", "", "/", "-rf", "a/../b", "x" * 300, "CON\0", "Größe µm²", "..hidden"])
def test_a_slug_is_a_plain_name(text: str) -> None:
    found = slug(text)
    assert 0 < len(found) <= 80
    assert found[0] not in ".-"
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@pytest.mark.parametrize(
    ("text", "expected"), [("腫瘍", "腫瘍"), ("Опухоль (G2)", "Опухоль-G2"), ("Drüse", "Druse"), ("⚕", "unnamed")]
)
def test_names_of_other_scripts_stay(text: str, expected: str) -> None:
    assert slug(text) == expected
    assert len(slug(text * 200).encode()) <= 200


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "dangling link"])
def test_nothing_is_ever_overwritten(planted: Planted, tmp_path: Path, kind: str) -> None:
    there = tmp_path / "there"
    if kind == "file":
        there.write_text("mine")
    elif kind == "dangling link":
        there.symlink_to(tmp_path / "nowhere")
    else:
        there.mkdir()
        if kind == "folder":
            (there / "mine.txt").write_text("mine")
    before = everything_below(tmp_path)
    with pytest.raises(TesseraError, match="exists already"):
        export(planted.workspace, RUN, there, clusters="all")
    after = everything_below(tmp_path)
    assert {path for path in before ^ after if "ledger" not in path} == set()
    assert list_exports(planted.workspace) == []


def break_tile_files(planted: Planted) -> None:
    for path in (planted.workspace.tiles_path / "data").iterdir():
        os.truncate(path, path.stat().st_size // 2)


def test_a_failed_export_leaves_nothing_behind_and_says_why(planted: Planted, tmp_path: Path) -> None:
    open_clustering(planted.workspace, RUN)  # its index is read, the pixels are not yet
    break_tile_files(planted)
    (tmp_path / "to").mkdir()
    with pytest.raises(StoreError, match="cannot"):
        export(planted.workspace, RUN, tmp_path / "to" / "out", clusters="all")
    assert everything_below(tmp_path / "to") == set()
    (row,) = list_exports(planted.workspace)
    assert row.state == "failed"
    assert "cannot" in row.message


class _Interrupt(Silent):
    def update(self, *_: object) -> None:
        raise KeyboardInterrupt


def test_an_interrupted_export_leaves_nothing_behind(planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    with pytest.raises(KeyboardInterrupt):
        export(planted.workspace, RUN, tmp_path / "to" / "out", clusters="all", progress=_Interrupt())
    assert everything_below(tmp_path / "to") == set()
    assert [(row.state, row.message) for row in list_exports(planted.workspace)] == [("failed", "KeyboardInterrupt")]


def test_a_place_that_cannot_be_written_is_said(planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TesseraError, match="nothing was written"):
        export(planted.workspace, RUN, tmp_path / "file" / "out", clusters="all")


_KILLED = """
import os, signal, sys
from pathlib import Path
from tessera.curate.export.write import export
from tessera.workspace.progress import Silent
from tessera.workspace.folder import Workspace
class Kill(Silent):
    def update(self, phase, done, total):
        os.kill(os.getpid(), signal.SIGKILL)
export(Workspace.open(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]), clusters="all", progress=Kill())
"""


def test_a_killed_export_is_failed_and_can_be_made_again(planted: Planted, tmp_path: Path) -> None:
    to = tmp_path / "to" / "out"
    words = [sys.executable, "-W", "ignore", "-c", _KILLED, str(planted.workspace.root), RUN, str(to)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert not to.exists()
    assert [(row.state, "export again" in row.message) for row in list_exports(planted.workspace)] == [("failed", True)]
    report = export(planted.workspace, RUN, to, clusters="all")
    assert {path.name for path in to.parent.iterdir()} == {"out"}
    assert len(list(to.rglob("*.jpg"))) == report.n_tiles
    assert [row.state for row in list_exports(planted.workspace)] == ["done", "failed"]


class _Waiting(Silent):
    """Holds an export while it is being written."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def update(self, *_: object) -> None:
        self.reached.set()
        assert self.go_on.wait(60)


def test_two_exports_to_one_folder_do_not_mix(planted: Planted, tmp_path: Path) -> None:
    to, hold = tmp_path / "out", _Waiting()
    first = threading.Thread(target=lambda: export(planted.workspace, RUN, to, clusters="all", progress=hold))
    first.start()
    assert hold.reached.wait(60)
    assert [row.state for row in list_exports(planted.workspace)] == ["running"]
    with pytest.raises(TesseraError, match="another export is writing"):
        export(planted.workspace, RUN, to, clusters=[0])
    hold.go_on.set()
    first.join(60)
    rows = pq.read_table(to / "manifest.parquet").to_pylist()
    assert len(rows) == (planted.labels[2] >= 0).sum() == len(list(to.rglob("*.jpg")))
    assert [row.state for row in list_exports(planted.workspace)] == ["done"]


def test_a_folder_that_was_renamed_meanwhile_is_not_emptied(tmp_path: Path) -> None:
    """An export opens the hidden folder of another one, which is then finished: it must not clear the finished set."""
    to = tmp_path / "out"
    with working_folder(to) as work:
        (work / "tile.jpg").write_bytes(b"mine")
        work.rename(to)
        with pytest.raises(TesseraError, match="exists already"), working_folder(to):
            pytest.fail("it was given a folder to write")
    assert (to / "tile.jpg").read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_the_path_is_recorded_whole(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export(planted.workspace, RUN, Path("near"), clusters=[0])
    (row,) = list_exports(planted.workspace)
    assert row.path == str(tmp_path / "near")
    assert row.n_tiles == (planted.labels[2] == 0).sum()
    assert TileStore(planted.workspace.tiles_path).batch(np.array([0]))  # the store was only read
