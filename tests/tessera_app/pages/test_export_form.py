from __future__ import annotations

import re
from pathlib import Path

import pytest
from tessera.config import ExportConfig
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.export.plan import class_names
from tessera.curate.export.write import curated_clustering, export
from tessera_app.pages.export.page import ExportPage, _planned, _wrong
from tessera_app.store import Store

from tests.tessera.planted import RUN, Planted, draw_sources, plant


def test_shares_that_leave_nothing_to_train_on_are_told_before_anything_is_written() -> None:
    assert "at most 0.9 together" in _wrong({"val": 0.2, "test": 0.9})
    assert _wrong({"val": 0.2, "test": 0.2, "per_class": 10}) == ""


def test_the_page_counts_what_the_export_writes(tmp_path: Path) -> None:
    planted = plant(tmp_path / "workspace", draw_sources(tmp_path))
    clustering = curated_clustering(planted.workspace, RUN, None)
    class_of, sizes = (
        class_names(clustering, "all"),
        dict(zip(clustering.ids.tolist(), clustering.sizes.tolist(), strict=True)),
    )
    whole = _planned(clustering, class_of, sizes, {"val": 0, "test": 0, "per_class": 0})
    assert f"{sum(sizes.values())} tiles in {len(sizes)} classes" in whole.replace(",", "")
    shares = {"val": 0.3, "test": 0, "per_class": 9}
    report = export(planted.workspace, RUN, tmp_path / "set", clusters="all", config=ExportConfig(**shares))
    shown = _planned(clustering, class_of, sizes, shares)
    assert f"{report.n_tiles} tiles in" in shown
    assert re.findall(r"<th.*?>(.*?)</th>", shown) == ["class", "train", "validation"]
    assert [int(n) for n in re.findall(r"<td class=n>(\d+)</td>", shown)] == list(report.splits.values())
    assert "need as many patients" in _planned(
        clustering, dict([next(iter(class_of.items()))]), sizes, {"val": 0.4, "test": 0.4, "per_class": 1}
    )


def test_classes_are_ticked_beside_their_pictures_and_the_run_is_named(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(planted.workspace.root))
    for cluster in (0, 3):
        name_cluster(planted.workspace, RUN, 2, cluster, "tumour", author="A")
    store = Store()
    page = ExportPage(store)
    assert f"of <b>{RUN}</b>, clustering 2" in page._of.object
    rows = page._classes.rows
    assert [row["named"] for row in rows] == [True] + [False] * (len(rows) - 1)
    assert sorted(rows[0]["ids"]) == [0, 3]
    assert all(row["picture"].startswith(f"sheet/{RUN}/2/") for row in rows)
    assert sorted(page._clusters().split(",")) == ["0", "3"]
    assert "1 class" in page._plan.object
    page._classes.hidden = [i for i in page._classes.hidden if i != 6]  # somebody ticks cluster 6
    assert sorted(page._clusters().split(",")) == ["0", "3", "6"]
    name_cluster(planted.workspace, RUN, 2, 9, "stroma", author="A")
    store.poll()
    assert sorted(page._clusters().split(",")) == ["0", "3", "6", "9"]  # what was ticked stays, what gets a name comes
    page._classes.hidden = [i for row in page._classes.rows for i in row["ids"]]
    assert "Nothing is chosen" in page._plan.object
