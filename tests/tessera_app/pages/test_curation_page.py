"""Curation in a real browser: what is clicked is what the history holds, and every view follows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.explore.clustering import open_clustering
from tessera.explore.neighbours import nearest_clusters

from tests.tessera.planted import RUN, Planted

SHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots"


def said(planted: Planted) -> list[tuple[str, int, str]]:
    return [(d.kind, d.cluster, d.value) for d in history(planted.workspace, RUN)]


def brightness(page: Any) -> float:
    """Median of the map's pixels, 0-255."""
    picture = cv2.imdecode(np.frombuffer(page.locator(".ts-map-stage").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    return float(np.median(picture))


def until(page: Any, check: Callable[[], bool]) -> None:
    """Wait for what a busy machine draws late."""
    for _ in range(150):
        if check():
            return
        page.wait_for_timeout(200)
    assert check()


@pytest.mark.browser
def test_mark_merge_split_take_out_and_undo(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.goto(f"{serve(workspace.root)}?page=2&run={RUN}&cluster=0")
    expect(page.locator(".ts-open-name")).to_have_text("cluster 0")

    page.locator(".ts-author input").fill("Dr Virchow")
    page.locator(".ts-author input").press("Tab")
    page.locator(".ts-mark").get_by_text("artefact").click()
    expect(page.locator(".ts-clusters").get_by_text("artefact")).to_be_visible()
    assert said(planted) == [("mark", 0, "artefact")]

    page.locator(".ts-save-name button").click()
    expect(page.get_by_text("write a name first")).to_be_visible()
    assert len(said(planted)) == 1
    page.locator(".ts-do-merge button").click()
    page.locator(".ts-merge-go button").click()
    expect(page.get_by_text("choose the cluster to take in")).to_be_visible()
    page.locator(".ts-merge-which input").fill("cluster 3")
    page.get_by_role("option", name="cluster 3", exact=True).click()
    page.locator(".ts-merge-go button").click()
    expect(page.get_by_text("Merged.")).to_be_visible()
    merged = int(np.isin(planted.labels[2], [0, 3]).sum())
    expect(page.get_by_text(f"{merged:,} tiles (")).to_be_visible()

    tiles = page.locator(".ts-gallery button.ts-tile")
    tiles.nth(0).click(modifiers=["ControlOrMeta"])
    tiles.nth(1).focus()
    page.keyboard.press("x")
    expect(page.get_by_text("2 tiles chosen")).to_be_visible()
    page.screenshot(path=SHOTS / "5-curation.png", full_page=True)
    page.locator(".ts-exclude button").click()
    expect(page.get_by_text(f"{merged - 2:,} tiles (")).to_be_visible()

    page.locator(".ts-do-undo button").click()
    expect(page.get_by_text("Taken back: ")).to_be_visible()
    expect(page.get_by_text(f"{merged:,} tiles (")).to_be_visible()
    page.locator(".ts-do-split button").click()
    page.locator(".ts-split-go button").click()
    expect(page.get_by_text("is split into 2 parts")).to_be_visible()
    expect(page.locator(".ts-open-name")).to_have_text("cluster 0.1")
    expect(page.get_by_text("Taken back: ")).to_have_count(0)  # that was said of another cluster
    page.locator(".ts-do-history button").click()
    expect(page.locator(".ts-history").get_by_text("Dr Virchow").first).to_be_visible()
    page.screenshot(path=SHOTS / "6-history.png", full_page=True)

    assert [kind for kind, _, _ in said(planted)] == ["mark", "merge", "exclude", "undo", "split"]
    assert {d.author for d in history(workspace, RUN)} == {"Dr Virchow"}
    clustering = curated_clustering(workspace, RUN)
    assert 3 not in clustering.ids
    assert clustering.sizes.sum() == (planted.labels[2] >= 0).sum()


@pytest.mark.browser
def test_the_map_by_day_and_by_night_and_a_lasso_that_is_kept(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    rng = np.random.default_rng(0)
    places = rng.uniform(-1, 1, (planted.n, 2)).astype(np.float32)
    places[: planted.n * 3 // 4] *= 0.01  # most of them lie thick
    workspace.run_folder(RUN).save_projection(2, places)
    page.goto(f"{serve(workspace.root)}?page=2&run={RUN}&cluster=0")
    page.locator(".ts-map[data-ready]").wait_for()
    page.locator(".ts-author input").fill("Dr Virchow")
    page.locator(".ts-author input").press("Tab")
    page.locator(".ts-map-lasso").click()
    box = page.locator(".ts-map canvas").first.bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 120)
    page.mouse.down()
    for x, y in ((420, 120), (420, 400), (120, 400), (120, 130)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    expect(page.locator(".ts-lasso-count")).to_be_visible()
    page.locator(".ts-selection input").fill("upper left")
    page.locator(".ts-keep-selection button").click()
    expect(page.get_by_text("Kept.")).to_be_visible()
    assert [selection.name for selection in state_of(workspace, RUN).selections] == ["upper left"]

    assert brightness(page) > 200
    page.get_by_label("Toggle theme").click()
    expect(page).to_have_url(re.compile("dark=true"))
    page.reload()
    page.locator(".ts-map[data-ready]").wait_for()
    until(page, lambda: brightness(page) < 60)
    page.screenshot(path=SHOTS / "6-night.png", full_page=True)


@pytest.mark.browser
def test_where_tiles_come_from_and_their_surroundings(offline_page: Any, serve: Any, planted: Planted) -> None:
    page = offline_page
    page.goto(f"{serve(planted.workspace.root)}?page=2&run={RUN}&cluster=0")
    page.get_by_text("Where its tiles come from").click()
    n = int((planted.labels[2] == 0).sum())
    counts = page.locator(".ts-parts tr td:nth-child(2)").all_inner_texts()
    assert sum(int(count.replace(",", "")) for count in counts) == n
    loaded = "image => image.decode().then(() => image.naturalWidth)"
    assert page.locator(".ts-parts img").evaluate(loaded) == 96
    page.locator(".ts-gallery button.ts-tile").first.click()
    page.locator(".ts-wide input").check()
    wide = page.locator(".ts-where .zoomed img[src^='around/']")
    wide.wait_for()
    assert wide.evaluate(loaded) == 384
    page.locator(".ts-where .ts-middle").wait_for()
    page.screenshot(path=SHOTS / "6-parts.png", full_page=True)


@pytest.mark.browser
def test_both_sides_of_a_cluster_those_like_it_and_the_list_by_name(
    offline_page: Any, serve: Any, planted: Planted
) -> None:
    page, workspace = offline_page, planted.workspace
    name_cluster(workspace, RUN, 2, 3, "glands", author="Dr Virchow")
    page.goto(f"{serve(workspace.root)}?page=2&run={RUN}&cluster=0")
    page.locator(".ts-do-split button").click()
    page.locator(".ts-sides img").first.wait_for()
    shown = {
        int(src.split("/")[-1]) for src in page.locator(".ts-sides img").evaluate_all("all => all.map(i => i.src)")
    }
    assert len(shown) == 12
    assert shown <= set(np.flatnonzero(planted.labels[2] == 0).tolist())

    near, _ = nearest_clusters(open_clustering(workspace, RUN), 0)[0]
    page.locator(".ts-alike button").first.click()
    expect(page.locator(".ts-open-name")).to_have_text("glands" if near == 3 else f"cluster {near}")

    rows = page.locator(".ts-clusters .tabulator-row")
    page.locator(".ts-clusters .tabulator-header-filter input").first.press_sequentially("glan")
    expect(rows).to_have_count(1)
    rows.locator(".tabulator-cell:visible").last.click()
    expect(page.locator(".ts-open-name")).to_have_text("glands")
