from __future__ import annotations

import re
from pathlib import Path

from tessera.config import ExportConfig
from tessera.curate.export.plan import class_names
from tessera.curate.export.write import curated_clustering, export
from tessera_app.pages.export.page import _planned, _wrong

from tests.tessera.planted import RUN, draw_sources, plant


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
