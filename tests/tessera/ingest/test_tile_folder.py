from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from tessera.config import IngestConfig
from tessera.errors import ConfigError
from tessera.ingest.tile_folder import ingest_tiles
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

CONFIG = IngestConfig(tile_px=32)


def image(seed: int, side: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)


def test_class_folders_become_labels_and_jpegs_keep_their_bytes(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        (folder / label / "1.jpg").write_bytes(simplejpeg.encode_jpeg(image(1)))
    cv2.imwrite(str(folder / "b" / "2.png"), image(2, 64))
    (folder / "b" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    report = ingest_tiles(workspace, folder, CONFIG)
    assert report.tiles_added == 3
    assert [name for name, _ in report.problems] == ["b/broken.jpg"]
    store = TileStore(workspace.tiles_path)
    rows = store.rows(np.arange(3), ["name", "label"]).to_pylist()
    assert [row["name"] for row in rows] == ["a/1.jpg", "b/1.jpg", "b/2.png"]
    assert rows[0]["label"] != rows[1]["label"] == rows[2]["label"]
    assert store.batch(np.array([0]))[0] == (folder / "a" / "1.jpg").read_bytes()
    assert simplejpeg.decode_jpeg(store.batch(np.array([2]))[0]).shape == (32, 32, 3)


def test_labels_csv_decides_and_groups_are_slides(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.jpg").write_bytes(simplejpeg.encode_jpeg(image(i)))
    (folder / "labels.csv").write_text(
        "file,label,group\n0.jpg,x,p\n1.jpg,y,q\nmissing.jpg,y,q\n../../etc/passwd,y,q\n"
    )
    report = ingest_tiles(workspace, folder, CONFIG)
    assert report.tiles_added == 2
    assert {name for name, _ in report.problems} == {"missing.jpg", "../../etc/passwd"}
    assert len(set(TileStore(workspace.tiles_path).index().slide.tolist())) == 2
    (folder / "labels.csv").write_text("file,label,group\n0.jpg,x,p\n1.jpg,y,q\n2.jpg,x,p\n")
    assert ingest_tiles(workspace, folder, CONFIG).tiles_added == 1
    assert ingest_tiles(workspace, folder, CONFIG).tiles_added == 0


def test_wrong_folders_and_tables_are_named(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        ingest_tiles(workspace, tmp_path / "none", CONFIG)
    (tmp_path / "labels.csv").write_text("name,class\n")
    with pytest.raises(ConfigError, match="file,label"):
        ingest_tiles(workspace, tmp_path, CONFIG)


def labels_of(workspace: Workspace) -> dict[str, str]:
    store, n = TileStore(workspace.tiles_path), workspace.n_tiles()
    with workspace.ledger.read() as connection:
        names = {row["id"]: row["name"] for row in connection.execute("SELECT id, name FROM label")}
    rows = store.rows(np.arange(n), ["name", "label"]).to_pylist()
    return {row["name"]: names.get(row["label"], "") for row in rows}


def pixels_of(workspace: Workspace) -> dict[str, np.ndarray]:
    store, n = TileStore(workspace.tiles_path), workspace.n_tiles()
    names = store.rows(np.arange(n), ["name"])["name"].to_pylist()
    return {name: simplejpeg.decode_jpeg(store.batch(np.array([i]))[0]) for i, name in enumerate(names)}


def with_list(folder: Path, text: bytes, n: int = 3) -> Path:
    folder.mkdir(parents=True)
    for i in range(n):
        (folder / f"{i}.jpg").write_bytes(simplejpeg.encode_jpeg(image(i)))
    (folder / "labels.csv").write_bytes(text)
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xef\xbb\xbffile,label\r\n0.jpg,a\r\n", {"0.jpg": "a"}),
        ("file;label\n0.jpg;Drüse\n".encode("cp1252"), {"0.jpg": "Drüse"}),
        ("File,Label\n0.jpg,腺\n".encode("utf-16"), {"0.jpg": "腺"}),
        (b"PATH\tCLASS\n.\\0.jpg\ta\n./1.jpg\tb\n", {"0.jpg": "a", "1.jpg": "b"}),
        (b"file,label\n0.JPG,a\n", {"0.jpg": "a"}),
        (b"file,label\n0.jpg\n\n1.jpg,b\n", {"0.jpg": "", "1.jpg": "b"}),
    ],
)
def test_lists_from_people(workspace: Workspace, tmp_path: Path, text: bytes, expected: dict[str, str]) -> None:
    report = ingest_tiles(workspace, with_list(tmp_path / "t", text), CONFIG)
    assert report.problems == []
    assert labels_of(workspace) == expected


@pytest.mark.parametrize(
    ("text", "n_tiles", "words"),
    [
        (b"file,label\n0.jpg,a\n./0.jpg,b\n", 1, "twice: the first row counts"),
        (b"file,label\n", 0, "lists no tile"),
        (b"file,label\n0.jpg,a\n" + b"x" * 300 + b".jpg,b\n", 1, "not in the folder"),
        (b"file,label\n0.jpg,a\n1.jpg," + b"y" * 200_000 + b"\n", 1, "more than 10000"),
        (b"file,label\n0.jpg,a\x00b\n", 1, "NUL"),
    ],
)
def test_bad_rows_are_named(workspace: Workspace, tmp_path: Path, text: bytes, n_tiles: int, words: str) -> None:
    report = ingest_tiles(workspace, with_list(tmp_path / "t", text), CONFIG)
    assert report.tiles_added == n_tiles
    assert any(words in reason for _, reason in report.problems), report.problems


def test_split_folders_are_no_classes(workspace: Workspace, tmp_path: Path) -> None:
    for i, name in enumerate(("train/a", "train/b", "val/a", "test/b")):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / f"{i}.jpg").write_bytes(simplejpeg.encode_jpeg(image(i)))
    (tmp_path / "set" / "__MACOSX").mkdir()
    (tmp_path / "set" / "__MACOSX" / "._0.jpg").write_bytes(b"\0\5\x16\7")
    (tmp_path / "set" / "train" / "a" / "._0.jpg").write_bytes(b"\0\5\x16\7")
    report = ingest_tiles(workspace, tmp_path / "set", CONFIG)
    assert (report.tiles_added, report.problems) == (4, [])
    assert sorted(labels_of(workspace).values()) == ["a", "a", "b", "b"]
    assert "splits" in report.notes[0][1]


def test_pictures_are_tiles_as_people_see_them(workspace: Workspace, tmp_path: Path) -> None:
    from PIL import Image as PillowImage

    pixels = cv2.resize(image(0, 4), (32, 32), interpolation=cv2.INTER_LINEAR)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    for name in ("t.png", "t.jpg"):
        PillowImage.fromarray(pixels).save(tmp_path / name, exif=exif, **({"quality": 98} if name[2:] == "jpg" else {}))
    clear = np.dstack([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8)])
    PillowImage.fromarray(clear).save(tmp_path / "clear.png")
    assert ingest_tiles(workspace, tmp_path, CONFIG).problems == []
    got = pixels_of(workspace)
    assert np.abs(got["t.png"].astype(int) - np.rot90(pixels, 3)).mean() < 6
    assert np.abs(got["t.png"].astype(int) - got["t.jpg"]).mean() < 6
    assert got["clear.png"].min() > 250


def test_bombs_are_refused_by_their_claim(workspace: Workspace, tmp_path: Path) -> None:
    good = simplejpeg.encode_jpeg(image(1))
    at = good.index(b"\xff\xc0") + 5
    (tmp_path / "bomb.jpg").write_bytes(good[:at] + b"\xfd\xe8\xfd\xe8" + good[at + 4 :])  # 65,000 x 65,000
    _, png = cv2.imencode(".png", image(2))
    data = png.tobytes()
    (tmp_path / "bomb.png").write_bytes(data[:16] + (40_000).to_bytes(4, "big") * 2 + data[24:])
    (tmp_path / "good.jpg").write_bytes(good)
    report = ingest_tiles(workspace, tmp_path, CONFIG)
    assert report.tiles_added == 1
    assert {name: "without --tiles" in reason for name, reason in report.problems} == {
        "bomb.jpg": True,
        "bomb.png": True,
    }


@pytest.mark.parametrize(
    ("case", "labels"),
    [
        ("labels_bom", ["stroma", "tumour", "tumour"]),
        ("labels_backslash", ["stroma", "tumour", "tumour"]),
        ("labels_latin1", ["Drüse", "tumour", "tumour"]),
        ("labels_twice", ["stroma", "tumour", "tumour"]),
        ("folders_train_val", ["stroma", "stroma", "tumour", "tumour"]),
        ("mac_appledouble", ["a", "a"]),
    ],
)
def test_cases(shared_data: Path, workspace: Workspace, case: str, labels: list[str]) -> None:
    report = ingest_tiles(workspace, shared_data / "cases" / case, IngestConfig(tile_px=64))
    assert sorted(labels_of(workspace).values()) == labels
    assert [reason for _, reason in report.problems if "twice" not in reason] == []
    assert len(report.problems) == (case == "labels_twice")


def test_cases_of_pixels(shared_data: Path, tmp_path: Path) -> None:
    for case in ("alpha_png", "orientation_6"):
        workspace = Workspace.create(tmp_path / case)
        assert ingest_tiles(workspace, shared_data / "cases" / case, IngestConfig(tile_px=64)).problems == []
        got = pixels_of(workspace)
        if case == "alpha_png":
            assert got["rgba.png"][0, 0].min() > 250
        else:
            assert np.abs(got["t.png"].astype(int) - got["t.jpg"]).mean() < 6
