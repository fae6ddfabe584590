"""What lies in folders: each kind of junk beside a good slide, which must be found all the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from tessera.ingest.sources.find import Found, find_slides
from tessera.ingest.sources.kinds import shown_name
from tessera.slides.child.children import Children

from tests.tessera.slides.dicom import write_dicom
from tests.tessera.slides.tiffs import noise, write_tiff


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    some = Children()
    yield some
    some.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    write_tiff(tmp_path / "in" / "good.tif", noise(128, 128))
    return tmp_path / "in"


def names(found: Found) -> list[str]:
    return [slide.name for slide in found.slides]


def test_a_loop_of_links_ends(folder: Path, children: Children) -> None:
    for name in ("one", "two"):
        (folder / name).symlink_to(folder, target_is_directory=True)
    assert names(find_slides([folder], children)) == ["good"]


def test_junk_never_stops_the_search(folder: Path, children: Children) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.svs"))).write_bytes(b"II*\0")
    (folder / "dangling.svs").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe.svs")
    (folder / "pointer.svs").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (folder / "page.svs").write_text("<!DOCTYPE html><html>404</html>")
    (folder / "half.svs.part").write_bytes(b"II*\0")
    (folder / "._good.tif").write_bytes(b"\0\5\x16\7")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "x.svs").write_bytes(b"x")
    found = find_slides([folder], children)
    assert names(found) == ["good"]
    reasons = {path.name: reason for path, reason in found.broken + found.others}
    assert "git lfs pull" in reasons["pointer.svs"]
    assert "web page" in reasons["page.svs"]
    assert "not there" in reasons["dangling.svs"]
    assert "has not ended" in reasons["half.svs.part"]
    assert any("not UTF-8" in reason for reason in reasons.values())
    assert "x.svs" not in reasons


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_shut_folder_is_named(folder: Path, children: Children) -> None:
    (folder / "shut").mkdir(mode=0)
    found = find_slides([folder], children)
    assert names(found) == ["good"]
    assert "cannot be listed" in found.broken[0][1]


def test_a_workspace_in_the_folder_is_passed_over(folder: Path, children: Children) -> None:
    write_tiff(folder / "deep.tif", noise(64, 64))
    inside = folder / "workspace" / "slides" / "1"
    inside.mkdir(parents=True)
    (folder / "workspace" / "ledger.sqlite").write_bytes(b"SQLite format 3\0")
    shutil.copy(folder / "deep.tif", inside / "thumbnail.tif")
    assert names(find_slides([folder], children)) == ["deep", "good"]


def test_links_keep_their_names_and_count_once(tmp_path: Path, children: Children) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "slides").mkdir()
    write_tiff(tmp_path / "blobs" / "5f3b9a", noise(128, 128))
    (tmp_path / "slides" / "TCGA-XX-0001-01Z-00-DX1.svs").symlink_to("../blobs/5f3b9a")
    assert names(find_slides([tmp_path / "slides"], children)) == ["TCGA-XX-0001-01Z-00-DX1"]
    assert names(find_slides([tmp_path], children)) == ["TCGA-XX-0001-01Z-00-DX1"]


def test_a_link_that_was_copied_as_text_is_followed(tmp_path: Path, children: Children) -> None:
    write_tiff(tmp_path / "blob", noise(128, 128))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "named.svs").write_text("../blob")
    assert names(find_slides([tmp_path / "in"], children)) == ["named"]


@pytest.mark.parametrize("there", ["nothing", "empty folder", "index only"])
def test_what_a_mirax_slide_misses_is_named(folder: Path, children: Children, there: str) -> None:
    (folder / "m.mrxs").write_bytes(b"\xff\xd8\xff")
    if there != "nothing":
        (folder / "m").mkdir()
    if there == "index only":
        (folder / "m" / "Slidedat.ini").write_text("[DATAFILE]\nFILE_COUNT = 1\nFILE_0 = Data0000.dat\n")
    found = find_slides([folder], children)
    assert names(found) == ["good"]
    wanted = {"nothing": "m/", "empty folder": "Slidedat.ini", "index only": "Data0000.dat"}[there]
    assert wanted in found.broken[0][1]


def test_data_of_a_mirax_slide_without_its_file(folder: Path, children: Children) -> None:
    (folder / "m").mkdir()
    (folder / "m" / "Slidedat.ini").write_text("[GENERAL]\n")
    assert "m.mrxs beside it is missing" in find_slides([folder], children).broken[0][1]


def test_dicom_is_grouped_by_series_and_class(tmp_path: Path, children: Children) -> None:
    image = np.full((256, 256, 3), 200, np.uint8)
    for name in ("a", "b"):
        write_dicom(tmp_path / name, image, 0.5)
    other = dcmread(tmp_path / "a")
    for attribute, value in (("SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.33"), ("SeriesInstanceUID", "1.2.3")):
        setattr(other, attribute, value)
    other.save_as(tmp_path / "annotation.dcm", enforce_file_format=False)
    label = dcmread(tmp_path / "b")
    label.SeriesInstanceUID, label.ImageType = "1.2.4", ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
    label.save_as(tmp_path / "label.dcm", enforce_file_format=False)
    found = find_slides([tmp_path], children)
    assert [slide.path.name for slide in found.slides] == ["a", "b"]
    reasons = {path.name: reason for path, reason in found.broken + found.others}
    assert "no whole-slide image" in reasons["annotation.dcm"]
    assert "only label or overview" in reasons["label.dcm"]
    (tmp_path / "b").unlink()
    assert names(find_slides([tmp_path], children)) == [tmp_path.name]
    assert [slide.path for slide in find_slides([tmp_path / "a"], children).slides] == [tmp_path]


def test_pictures_beside_slides_are_passed_over_and_alone_they_are_slides(tmp_path: Path, children: Children) -> None:
    import cv2

    (tmp_path / "in").mkdir()
    big = np.random.default_rng(0).integers(0, 256, (600, 600, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "in" / "big.png"), big)
    cv2.imwrite(str(tmp_path / "in" / "tile.png"), big[:64, :64])
    found = find_slides([tmp_path / "in"], children)
    assert names(found) == ["big"]
    assert "--tiles" in found.others[0][1]
    write_tiff(tmp_path / "in" / "slide.tif", noise(128, 128))
    assert names(find_slides([tmp_path / "in"], children)) == ["slide"]
    shutil.copy(tmp_path / "in" / "tile.png", tmp_path / "named.png")
    assert names(find_slides([tmp_path / "named.png"], children)) == ["named"]


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.svs", "a"), ("a.ome.tif", "a"), ("1.2.840.4.0", "1.2.840.4.0"), ("x.y.NDPI", "x.y"), (".svs", ".svs")],
)
def test_names(file: str, name: str) -> None:
    assert shown_name(Path(file)) == name
