from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
from tessera.curate.decisions.decide import exclude_tiles, merge_clusters, name_cluster
from tessera.curate.export.write import export
from tessera.workspace.folder import Workspace

ME = "Dr Virchow"


def test_an_export_has_what_people_decided(ready: Workspace, tmp_path: Path) -> None:
    name_cluster(ready, "r", 1, 0, "fat", author=ME)
    name_cluster(ready, "r", 1, 1, "tumour", author=ME)
    merge_clusters(ready, "r", 1, [1, 2], author=ME)
    exclude_tiles(ready, "r", 1, [0, 2], author=ME)
    report = export(ready, "r", tmp_path / "set", author=ME)
    assert report.classes == {"fat": 19, "tumour": 39}
    manifest = pq.read_table(tmp_path / "set" / "manifest.parquet").to_pylist()
    assert sorted(row["tile"] for row in manifest) == [i for i in range(120) if i % 6 < 3 and i not in (0, 2)]
    for row in manifest:
        assert hashlib.sha256((tmp_path / "set" / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    kinds = [d["kind"] for d in json.loads((tmp_path / "set" / "provenance.json").read_text())["decisions"]]
    assert kinds == ["name", "name", "merge", "exclude"]
