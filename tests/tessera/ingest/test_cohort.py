from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from tessera.config import IngestConfig, RunConfig, from_mapping
from tessera.demo.synthetic import draw_slide
from tessera.errors import ConfigError
from tessera.ingest.cohort import apply_table, as_csv, as_text, read_cohort, to_recut
from tessera.ingest.corrections import Corrections
from tessera.ingest.pipeline import config_of, ingest
from tessera.ingest.read_table import read_table
from tessera.runs.create import create
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

SMALL = IngestConfig(mpp=0.5, tile_px=128, threads=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    for i in range(2):
        draw_slide(folder / f"s{i}.svs", seed=i, width=1024, height=1024)
    return folder


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_corrections_go_out_come_in_and_are_cut_again(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    ingest(workspace, [folder], SMALL)
    before = {row.name: row.tiles for row in read_cohort(workspace)}
    text = as_csv(read_cohort(workspace))
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["name"] for row in rows] == ["s0", "s1"]
    rows[0] |= {"patient": "P-1", "mpp": "0.25", "site": "Basel"}
    with (tmp_path / "mended.csv").open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    applied = apply_table(workspace, tmp_path / "mended.csv")
    assert {(slide, what) for slide, what, _, _ in applied.changed} == {
        ("s0", "patient"),
        ("s0", "mpp"),
        ("s0", "site"),
    }
    assert applied.recut == ["s0"]
    row = read_cohort(workspace)[0]
    assert (row.patient, row.patient_source, row.mpp_source) == ("P-1", "user", "user")
    assert "resolution was corrected" in as_text([row])
    with workspace.ledger.read() as connection:
        history = connection.execute("SELECT field, old, new FROM slide_change ORDER BY field").fetchall()
    assert ("mpp", "0.5", "0.25") in [tuple(change) for change in history]

    ingest(workspace, to_recut(workspace), config_of(workspace), recut=True)
    after = {row.name: row for row in read_cohort(workspace)}
    assert len(after) == 2
    assert after["s0"].tiles < before["s0"] / 2  # the same glass is a quarter as large now
    assert (after["s0"].patient, after["s0"].mpp, after["s0"].recut) == ("P-1", 0.25, "")
    assert to_recut(workspace) == []
    run = create(workspace, from_mapping(RunConfig, {"clustering.clusters": 4}))
    tiles = workspace.run_folder(run.name).tiles()
    assert tiles is not None
    assert len(tiles) == after["s0"].tiles + before["s1"]
    assert set(np.unique(TileStore(workspace.tiles_path).index().slide[tiles])) == {row.id for row in after.values()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,mpp\ns0,0.25\ns1,fast\n", "not a number"),
        ("name,mpp\ns0,0.25\nother,0.5\n", "no slide has name 'other'"),
        ("name,mpp\ns0,0.25\ns0,0.5\n", "two values of mpp"),
        ("name,stain\ns0,purple\n", "none of he"),
        ("name,colour\ns0,purple\n", "needs id, path or name"),
        ("", "is empty"),
    ],
)
def test_a_wrong_table_changes_nothing(
    workspace: Workspace, folder: Path, tmp_path: Path, text: str, words: str
) -> None:
    ingest(workspace, [folder / "s0.svs", folder / "s1.svs"], SMALL)
    before = read_cohort(workspace)
    with pytest.raises(ConfigError, match=words):
        apply_table(workspace, table(tmp_path / "t.csv", text))
    assert read_cohort(workspace) == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_any_encoding_and_separator(tmp_path: Path, encoding: str, separator: str) -> None:
    text = f"File{separator}Patient\r\na.svs{separator}Grün\r\nb.svs\r\n"
    found = read_table(table(tmp_path / "t.csv", text, encoding))
    assert found.column("patient") == 1
    assert found.rows == [("a.svs", "Grün"), ("b.svs", "")]


def test_patients_of_a_list_stay(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    said = Corrections.read(patients=table(tmp_path / "p.csv", "file;patient;site\ns*.svs;P-7;Köln\n", "cp1252"))
    ingest(workspace, [folder], SMALL, corrections=said)
    ingest(workspace, [folder], SMALL)
    assert {(row.patient, row.patient_source, row.site) for row in read_cohort(workspace)} == {("P-7", "user", "Köln")}


def test_other_settings_are_named_and_cut_again_only_when_asked(workspace: Workspace, folder: Path) -> None:
    ingest(workspace, [folder], SMALL)
    other = IngestConfig(mpp=0.5, tile_px=128, threads=2, tissue="all")
    first = ingest(workspace, [folder], other)
    assert first.tiles_added == 0
    assert [name for name, _ in first.cut_otherwise] == ["s0.svs", "s1.svs"]
    assert "tissue=all (was auto)" in first.summary()
    again = ingest(workspace, [folder], other, recut=True)
    assert again.slides_done == 2
    assert {row.tiles for row in read_cohort(workspace)} == {64}  # every position
    assert ingest(workspace, [folder], other, recut=True).skipped == 2


def test_a_slide_that_was_set_aside_and_moved_gets_in(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    slide = draw_slide(tmp_path / "old" / "s.svs", seed=9, width=1024, height=1024, mpp=None).path
    assert ingest(workspace, [slide], SMALL).slides_set_aside == 1
    moved = Path(shutil.move(slide, tmp_path / "new" / "s.svs"))
    report = ingest(workspace, [moved], IngestConfig(mpp=0.5, tile_px=128, default_mpp=0.5))
    assert report.slides_done == 1
    (row,) = read_cohort(workspace)
    assert (row.path, row.state) == (str(moved), "done")
    back = Path(shutil.move(moved, slide))
    assert ingest(workspace, [back], SMALL).skipped == 1
    assert [row.path for row in read_cohort(workspace)] == [str(back)]


def test_a_copy_of_a_slide_that_was_set_aside_is_no_duplicate_of_nothing(workspace: Workspace, tmp_path: Path) -> None:
    first = draw_slide(tmp_path / "a.svs", seed=9, width=1024, height=1024, mpp=None).path
    shutil.copy(first, tmp_path / "b.svs")
    assert ingest(workspace, [tmp_path / "a.svs", tmp_path / "b.svs"], SMALL).slides_set_aside == 2
    first.unlink()
    report = ingest(workspace, [tmp_path / "b.svs"], IngestConfig(mpp=0.5, tile_px=128, default_mpp=0.5))
    assert report.slides_done == 1


def test_an_ingest_without_settings_keeps_those_of_the_workspace(workspace: Workspace, folder: Path) -> None:
    ingest(workspace, [folder], IngestConfig(mpp=1, tile_px=64, min_tissue=0.3, tissue="he"))
    own = config_of(workspace)
    assert (own.mpp, own.tile_px, own.min_tissue, own.tissue) == (1, 64, 0.3, "he")
