from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tessera.config import IngestConfig
from tessera.config.reading import parse_bytes
from tessera.errors import ConfigError
from tessera.ingest.archive.plan import enough, make_plan
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import StandIn
from tests.tessera.ingest.streaming import SMALL, fill, run, settings, source

pytestmark = pytest.mark.usefixtures("no_waiting")


def test_a_slide_larger_than_the_budget_is_refused_before_anything_moves(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    ids = fill(archive, drawn)
    with pytest.raises(ConfigError, match="--slide-budget") as refused:
        run(workspace, settings(archive, slide_budget=1000))
    largest = max(path.stat().st_size for path in drawn)
    budget = parse_bytes("", str(refused.value).split("--slide-budget ")[1].split()[0])
    assert largest <= budget <= 1.1 * largest
    with pytest.raises(ConfigError, match=r"smallest slide .* give --tile-budget"):
        run(workspace, settings(archive, tile_budget=1000))
    assert not any(archive.gets(one) for one in ids)


def test_the_plan_says_what_it_will_take(workspace: Workspace, archive: StandIn, drawn: list[Path]) -> None:
    fill(archive, drawn)
    config = settings(archive, tile_budget=1000)
    found = source(config).catalogue()
    plan = make_plan("GDC", found, config, SMALL, free_bytes=100)
    assert plan.slides == 5
    assert plan.slide_bytes == sum(path.stat().st_size for path in drawn)
    assert plan.largest_bytes == max(path.stat().st_size for path in drawn)
    assert "end cleanly" in plan.summary() or "ends cleanly" in plan.summary()
    assert "less free space" in plan.summary()
    capped = make_plan("GDC", found, config, IngestConfig(tile_px=64, max_tiles_per_slide=2), free_bytes=100)
    assert capped.tiles == (10, 10)
    assert "it would not start" not in make_plan("GDC", found, settings(archive), SMALL, free_bytes=100).summary()
    refused = make_plan("GDC", found, settings(archive, slide_budget=10), SMALL, free_bytes=100).summary()
    assert refused.index("slides   5") < refused.index("it would not start")
    assert "--slide-budget" in refused
    assert " s at 10 MB/s" in refused
    run(workspace, settings(archive), ingest=SMALL)
    assert plan.tiles[0] < workspace.n_tiles() < plan.tiles[1]
    assert "an estimate from the file sizes" in plan.summary()
    thousands = dataclasses.replace(plan, tiles=(7_942, 63_821)).summary()
    assert "roughly 7,900 to 64,000," in thousands


@pytest.mark.parametrize(
    ("n", "words"), [(7, "7"), (1_940_000, "2MB"), (46_300_000, "47MB"), (300_000, "300KB"), (5_120_000_001, "5.2GB")]
)
def test_a_budget_that_just_suffices(n: int, words: str) -> None:
    assert enough(n) == words
    assert parse_bytes("", words) >= n
