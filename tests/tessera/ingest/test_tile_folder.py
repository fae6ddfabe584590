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
