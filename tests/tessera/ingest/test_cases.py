"""Inputs on which slides were taken in wrongly, each by its right value (README of the cases)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tessera.config import IngestConfig
from tessera.ingest.corrections import Corrections
from tessera.ingest.pipeline import ingest
from tessera.ingest.report import IngestReport
from tessera.workspace.folder import Workspace

SMALL = IngestConfig(mpp=0.5, tile_px=64)


def rows_of(workspace: Workspace) -> dict[str, dict[str, Any]]:
    with workspace.ledger.read() as connection:
        return {row["name"]: dict(row) for row in connection.execute("SELECT * FROM slide WHERE state != 'replaced'")}


def taken(workspace: Workspace, folder: Path, config: IngestConfig = SMALL) -> tuple[IngestReport, dict[str, Any]]:
    return ingest(workspace, [folder], config), rows_of(workspace)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("dicom_dsstore", {"slide": 36}),
        ("dicom_no_suffix", {"slide": 36}),
        ("dicom_two_series", {"both/a-0": 36, "both/b-0": 36}),
        ("dicom_uid_folders", {f"1.2.826.0.1.3680043.8.498.1111.2222.3333.4.{n}": 36 for n in (0, 1)}),
        ("mpp_ome_xml_um", {"s": 36}),
        ("names_japanese", {"腸": 36, "胃": 36}),
        ("nocolour_grey_brightfield", {"s": 36}),
        ("same_name", {"a/x": 36, "b/x": 36}),
        ("stain_gms_light_green", {"s": 36}),
        ("stain_luxol_fast_blue", {"s": 36}),
        ("layout_strips_lzw", {"s": 16}),
        ("layout_webp", {"s": 16}),
    ],
)
def test_slides_and_tiles(shared_data: Path, workspace: Workspace, case: str, expected: dict[str, int]) -> None:
    report, rows = taken(workspace, shared_data / "cases" / case)
    assert {name: row["n_tiles"] for name, row in rows.items()} == expected
    assert report.problems == []


def test_a_small_biopsy_on_a_full_scan_is_no_dust(shared_data: Path, workspace: Workspace) -> None:
    _, rows = taken(workspace, shared_data / "cases" / "small_tissue_300um")
    assert 70 <= rows["s"]["n_tiles"] <= 100


def test_a_link_gives_the_slide_its_name_and_patient(shared_data: Path, workspace: Workspace) -> None:
    _, rows = taken(workspace, shared_data / "cases" / "link_5f3b9a" / "slides")
    row = rows["TCGA-XX-0001-01Z-00-DX1.AAAA"]
    assert (row["state"], row["patient"], row["patient_source"]) == ("done", "TCGA-XX-0001", "barcode")


def test_patients_come_from_the_header(shared_data: Path, workspace: Workspace) -> None:
    _, rows = taken(workspace, shared_data / "cases" / "patient_dicom")
    assert {(row["patient"], row["patient_source"]) for row in rows.values()} == {("PAT-1", "dicom")}
    assert len(rows) == 2


def test_colours_that_no_glass_has_are_doubted(shared_data: Path, workspace: Workspace) -> None:
    report, _ = taken(workspace, shared_data / "cases" / "colour_ycc_called_rgb")
    assert "colours look wrong" in dict(report.notes)["slide"]


def test_oblong_pixels_are_made_square(shared_data: Path, workspace: Workspace) -> None:
    report, rows = taken(workspace, shared_data / "cases" / "mpp_oblong_tiff")
    assert "oblong pixels of 0.5 x 1 um" in dict(report.notes)["s.tif"]
    assert (rows["s"]["mpp"], rows["s"]["width"], rows["s"]["height"]) == (0.5, 512, 512)  # of 512 x 256 stored


@pytest.mark.parametrize(
    ("case", "file", "words"),
    [
        ("layout_mirax_without_folder", "slide.mrxs", ("slide/", "Slidedat.ini", "missing")),
        ("tiny_200x200", "s.tif", ("smaller than a tile", "200 x 200")),
        ("mpp_ten_times", "s.tif", ("5 um/px", "--mpp-of")),
    ],
)
def test_true_reasons(shared_data: Path, workspace: Workspace, case: str, file: str, words: tuple[str, ...]) -> None:
    report, _ = taken(workspace, shared_data / "cases" / case, IngestConfig(tile_px=224))
    reason = dict(report.problems)[file]
    assert all(word in reason for word in words), reason


def test_the_user_knows_better_than_the_header(shared_data: Path, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mpp.csv").write_text("file,mpp\n*.tif,0.5\n")
    corrections = Corrections.read(mpp_of=tmp_path / "mpp.csv")
    case = shared_data / "cases" / "mpp_ten_times"
    assert taken(workspace, case)[1]["s"]["n_tiles"] == 0
    ingest(workspace, [case], SMALL, corrections=corrections)
    row = rows_of(workspace)["s"]
    assert (row["n_tiles"], row["mpp"], row["mpp_source"]) == (36, 0.5, "user")
