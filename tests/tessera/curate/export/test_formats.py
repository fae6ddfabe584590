from __future__ import annotations

import csv
import hashlib
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import simplejpeg
from tessera.config import ExportConfig, IngestConfig
from tessera.curate.cells import csv_cell, distinct_slugs, markdown_cell
from tessera.curate.decisions.decide import exclude_tiles, merge_clusters, name_cluster
from tessera.curate.export.formats.qupath import class_name
from tessera.curate.export.write import FORMATS, export
from tessera.errors import ConfigError, TesseraError
from tessera.explore.clustering import open_clustering
from tessera.explore.palette import colour
from tessera.ingest.tile_folder import ingest_tiles
from tessera.slides.bounds import origin_of
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

from tests.tessera.curate.qupath_parser import read
from tests.tessera.planted import Planted

ME = "Dr Virchow"
SPLIT = ExportConfig(val=0.2, test=0.2, shard_tiles=15)


@pytest.fixture
def named(ready: Workspace) -> Workspace:
    """Three classes; two clusters merged, one tile of each of two clusters excluded; one name looks like a formula."""
    name_cluster(ready, "r", 1, 0, "=fat", author=ME)
    name_cluster(ready, "r", 1, 1, "tumour <b>|", author=ME)
    name_cluster(ready, "r", 1, 4, "fat", author="Dr Koch")
    merge_clusters(ready, "r", 1, [1, 2], author=ME)
    exclude_tiles(ready, "r", 1, [0, 2], author=ME)
    return ready


COUNTS = {"=fat": 19, "tumour <b>|": 39, "fat": 20}
TILES = [i for i in range(120) if i % 6 in (0, 1, 2, 4) and i not in (0, 2)]


def manifest_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "manifest.parquet").to_pylist()
    return rows


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "qupath"])
@pytest.mark.parametrize("config", [ExportConfig(), SPLIT], ids=["whole", "split"])
def test_every_format_holds_the_same_tiles_once(
    named: Workspace, tmp_path: Path, format: str, config: ExportConfig
) -> None:
    report = export(named, "r", tmp_path / "set", format=format, author=ME, config=config)
    assert report.classes == COUNTS
    rows = manifest_of(tmp_path / "set")
    assert sorted(row["tile"] for row in rows) == TILES
    jpegs = dict(zip(TILES, TileStore(named.tiles_path).batch(np.array(TILES)), strict=True))
    for row in rows:
        assert row["sha256"] == hashlib.sha256(jpegs[row["tile"]]).hexdigest()
        assert format == "parquet" or (tmp_path / "set" / row["file"]).is_file()
    if config is SPLIT:
        where: dict[str, set[str]] = {}
        for row in rows:
            where.setdefault(row["slide"], set()).add(row["split"])
        assert all(len(splits) == 1 for splits in where.values())
        assert set().union(*where.values()) == {"train", "validation", "test"}
        assert sum(report.splits.values()) == len(TILES)
    card = (tmp_path / "set" / "README.md").read_text()
    assert "| =fat |" in card
    assert "tumour &lt;b&gt;&#124;" in card
    assert "Dr Koch" in card
    assert not list(tmp_path.glob(".*partial"))


def test_class_folders_can_be_ingested_again(named: Workspace, tmp_path: Path) -> None:
    export(named, "r", tmp_path / "set", author=ME)
    rows = {row["file"]: row for row in manifest_of(tmp_path / "set")}
    with (tmp_path / "set" / "labels.csv").open(newline="") as stream:
        cells = list(csv.DictReader(stream))
    assert {cell["file"] for cell in cells} == set(rows)
    assert {cell["label"] for cell in cells} == {"'=fat", "tumour <b>|", "fat"}
    again = Workspace.create(tmp_path / "again")
    assert ingest_tiles(again, tmp_path / "set", IngestConfig(tile_px=32)).ok
    assert again.n_tiles() == len(TILES)


def test_webdataset_has_whole_samples_in_shuffled_shards(named: Workspace, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(named, "r", tmp_path / name, format="webdataset", config=SPLIT)
    classes = json.loads((tmp_path / "one" / "classes.json").read_text())
    tiles = []
    for path in sorted((tmp_path / "one").glob("*.tar")):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        with tarfile.open(path) as shard:
            members = shard.getmembers()
            assert len(members) <= 3 * 15
            for start in range(0, len(members), 3):  # a reader takes neighbours with one key for a sample
                keys = {member.name.split(".")[0] for member in members[start : start + 3]}
                assert len(keys) == 1
                parts = {m.name.split(".", 1)[1]: shard.extractfile(m).read() for m in members[start : start + 3]}  # type: ignore[union-attr]
                about = json.loads(parts["json"])
                assert simplejpeg.decode_jpeg(parts["jpg"]).shape == (32, 32, 3)
                assert classes[int(parts["cls"])] == about["name"]
                tiles.append(about["tile"])
    assert sorted(tiles) == TILES
    assert tiles != sorted(tiles)


def test_hugging_face_table_declares_its_features(named: Workspace, tmp_path: Path) -> None:
    export(named, "r", tmp_path / "set", format="hf-parquet", config=SPLIT)
    shards = sorted((tmp_path / "set" / "data").glob("*.parquet"))
    counts: Counter[str] = Counter()
    for shard in shards:
        table = pq.read_table(shard)
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        assert features["image"] == {"_type": "Image"}
        assert features["label"]["names"] == sorted(COUNTS)
        assert set(features) == set(table.column_names)
        assert table.num_rows <= 15
        counts.update(features["label"]["names"][row["label"]] for row in table.to_pylist())
    assert counts == COUNTS
    total = sum("train-" in shard.name for shard in shards)
    assert (tmp_path / "set" / "data" / f"train-00000-of-{total:05d}.parquet").is_file()
    head = (tmp_path / "set" / "README.md").read_text().split("---")[1]
    assert "path: data/validation-*" in head


def test_hugging_face_folder_has_a_line_a_file(named: Workspace, tmp_path: Path) -> None:
    export(named, "r", tmp_path / "set", format="hf-imagefolder", config=SPLIT)
    for split in ("train", "validation", "test"):
        root = tmp_path / "set" / "data" / split
        lines = [json.loads(line) for line in (root / "metadata.jsonl").read_text().splitlines()]
        assert sorted(line["file_name"] for line in lines) == sorted(
            str(path.relative_to(root)) for path in root.rglob("*.jpg")
        )
        assert {line["label"] for line in lines} <= set(COUNTS)


def test_qupath_takes_every_tile_where_it_lies(planted: Planted, tmp_path: Path) -> None:
    workspace, run = planted.workspace, "planted"
    name_cluster(workspace, run, 2, 0, "tumour: core", author=ME)
    name_cluster(workspace, run, 2, 3, "tumour: core", author=ME)
    name_cluster(workspace, run, 2, 6, "fat", author=ME)
    for name in ("one", "two"):
        export(workspace, run, tmp_path / name, format="qupath")
    clustering, found = open_clustering(workspace, run), {}
    for path in sorted((tmp_path / "one").glob("*.geojson.gz")):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        for item in read(path):
            found[int(item.metadata["tile_id"])] = (path.name, item)
    wanted = np.flatnonzero(np.isin(clustering.labels, [0, 3, 6]))
    assert sorted(found) == wanted.tolist()
    for tile, (file, item) in found.items():
        x0, y0, side = (int(getattr(clustering.index, name)[tile]) for name in ("x0", "y0", "side0"))
        assert item.box == (x0, y0, x0 + side, y0 + side)
        assert item.kind == "tile"
        cluster = int(clustering.labels[tile])
        assert item.class_names == (("fat",) if cluster == 6 else ("tumour - core",))
        assert item.colour == tuple(bytes.fromhex(colour(6 if cluster == 6 else 0)[1:]))
        assert item.measurements["Cluster id"] == cluster
        assert item.measurements["Cluster distance"] == pytest.approx(float(clustering.distances[tile]), abs=1e-3)
        assert file == f"slide-{int(clustering.index.slide[tile]) - 1}.geojson.gz"
    assert len({item.id for _, item in found.values()}) == len(found)  # also across slides


def test_qupath_refuses_ready_made_tiles(named: Workspace, tmp_path: Path) -> None:
    with pytest.raises(TesseraError, match="ready-made tiles"):
        export(named, "r", tmp_path / "set", format="qupath")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("bounds", "origin"),
    [
        (("100", "200", "3000", "2000"), (100, 200)),
        (("100", "200", "4000", "2000"), (0, 0)),  # one side as the whole slide's: QuPath does not crop
        (("100", "200", "x", "2000"), (0, 0)),
        ((), (0, 0)),
    ],
)
def test_coordinates_start_where_qupath_crops(bounds: tuple[str, ...], origin: tuple[int, int]) -> None:
    sides = ("x", "y", "width", "height")
    properties = {f"openslide.bounds-{side}": value for side, value in zip(sides, bounds, strict=False)}
    assert origin_of(properties, 4000, 3000) == origin


def test_a_sample_is_balanced_and_repeatable(named: Workspace, tmp_path: Path) -> None:
    config = ExportConfig(per_class=10, seed=3)
    report = export(named, "r", tmp_path / "a", config=config)
    assert report.classes == dict.fromkeys(COUNTS, 10)
    export(named, "r", tmp_path / "b", config=config)
    export(named, "r", tmp_path / "c", config=config.but(seed=4))
    tiles = [[row["tile"] for row in manifest_of(tmp_path / name)] for name in "abc"]
    assert tiles[0] == tiles[1] != tiles[2]


def test_more_splits_than_patients_is_refused(planted: Planted, tmp_path: Path) -> None:
    workspace = planted.workspace
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET patient = 'P1'")
    with pytest.raises(TesseraError, match="3 splits need as many patients"):
        export(workspace, "planted", tmp_path / "set", clusters="all", config=SPLIT)
    with pytest.raises(ConfigError, match="too little to train on"):
        ExportConfig(val=0.5, test=0.5)


def test_text_is_made_safe() -> None:
    assert [csv_cell(text) for text in ("=1+1", "+1", "-1", "@x", "\tx", " =1", "fat")] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@x",
        "'\tx",
        "' =1",
        "fat",
    ]
    assert markdown_cell("a|b\n<script>") == "a&#124;b &lt;script&gt;"
    assert distinct_slugs(["fat", "Fat", "ü/", "u", "../.."]) == {
        "fat": "fat",
        "Fat": "Fat-2",
        "ü/": "u",
        "u": "u-2",
        "../..": "unnamed",
    }
    assert class_name(" a: b\tc ") == "a - b c"
