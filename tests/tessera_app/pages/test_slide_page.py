"""The slide page in a real browser.

Tiles by request, clusters over them, a click that marks a tile, a slide that is gone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect
from tessera.explore.clustering import open_clustering
from tessera.explore.slide_map import tile_info

from tests.tessera.planted import RUN, Planted
from tests.tessera_app.pages.test_slide_facts import move_source

SHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots"
VIEWER = ".ts-slide-viewer"


def marked_in(page: Any) -> int:
    """The tile that the page's address names."""
    return int(parse_qs(urlparse(page.url).query).get("tile", ["-1"])[0])


def marked_box(page: Any) -> list[int]:
    """Left, top, width and height of the marked tile in the viewer."""
    words = page.locator(VIEWER).get_attribute("data-marked")
    return [int(word) for word in words.split()]


@pytest.mark.browser
def test_a_slide_is_seen_and_a_click_marks_a_tile_on_every_page(
    offline_page: Any, serve: Any, planted_once: Planted
) -> None:
    page, workspace = offline_page, planted_once.workspace
    SHOTS.mkdir(parents=True, exist_ok=True)
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    clustering = open_clustering(workspace, RUN)
    tile = int((clustering.labels >= 0).nonzero()[0][20])
    slide = int(clustering.index.slide[tile])
    page.goto(f"{serve(workspace.root)}?page=3&tile={tile}")
    page.locator(f"{VIEWER}[data-ready='{slide}']").wait_for()
    tiles = [url for url, _ in answers if re.search(r"/slide/\d+/\d+/\d+_\d+\.jpg", url)]
    assert len(tiles) > 4
    assert [answer for answer in answers if answer[1] >= 400] == []

    on_slide = int((clustering.index.slide == slide).sum())
    expect(page.locator(VIEWER)).to_have_attribute("data-painted", str(on_slide - n_unassigned(clustering, slide)))
    expect(page.locator(".ts-power")).to_contain_text("×")
    expect(page.locator(".ts-scale span")).to_have_text(re.compile(r"^(1|2|5)0* (µm|mm)$"))
    page.screenshot(path=SHOTS / "7-slide.png")

    frame = page.locator(VIEWER).bounding_box()
    left, top, width, height = marked_box(page)
    info = tile_info(clustering, tile)
    assert abs(width / height - 1) < 0.1
    neighbour = next(
        other
        for other in (clustering.index.slide == slide).nonzero()[0]
        if other != tile
        and abs(int(clustering.index.x0[other]) - info.x0) < 1.5 * info.side0
        and int(clustering.index.y0[other]) == info.y0
        and clustering.labels[other] >= 0
    )
    shift = (int(clustering.index.x0[neighbour]) - info.x0) / info.side0 * width
    x, y = frame["x"] + left + width / 2 + shift, frame["y"] + top + height / 2
    page.mouse.move(x, y)
    expect(page.locator(".ts-slide-hover")).to_have_text(f"cluster {clustering.labels[neighbour]}")
    expect(page.locator(".ts-cursor")).to_have_text(re.compile(r"x [\d,]+ µm, y [\d,]+ µm"))
    page.mouse.click(x, y)
    page.wait_for_url(f"**tile={neighbour}**")
    assert marked_in(page) == neighbour
    page.get_by_role("link", name="Explore").click()
    expect(page.locator(".ts-open-name")).to_have_text(f"No. {clustering.labels[neighbour]}")
    expect(page.locator(f".ts-bench {VIEWER}")).to_have_attribute("data-marked", re.compile(r"\d+ \d+ \d+ \d+"))
    page.get_by_role("link", name="Slide").click()
    expect(page.locator(".ts-slide-name")).to_have_text(info.slide)


def n_unassigned(clustering: Any, slide: int) -> int:
    return int(((clustering.index.slide == slide) & (clustering.labels < 0)).sum())


@pytest.mark.browser
def test_clusters_are_switched_off_and_on_and_keys_move_the_view(
    offline_page: Any, serve: Any, planted_once: Planted
) -> None:
    page = offline_page
    page.goto(f"{serve(planted_once.workspace.root)}?page=3")
    page.locator(f"{VIEWER}[data-ready]").wait_for()
    clustering = open_clustering(planted_once.workspace, RUN)
    slide = int(page.locator(VIEWER).get_attribute("data-ready"))
    here = clustering.labels[clustering.index.slide == slide]
    painted = page.locator(VIEWER)
    expect(painted).to_have_attribute("data-painted", str(int((here >= 0).sum())))
    first = page.locator(".ts-switches li").first
    cluster = int(first.get_attribute("data-id"))
    first.locator("input").uncheck()
    expect(painted).to_have_attribute("data-painted", str(int(((here >= 0) & (here != cluster)).sum())))
    first.locator("button").click()
    page.get_by_role("button", name="Paint only the cluster that is marked in this list").click()
    expect(painted).to_have_attribute("data-painted", str(int((here == cluster).sum())))
    page.get_by_role("button", name="Paint all clusters").click()
    expect(painted).to_have_attribute("data-painted", str(int((here >= 0).sum())))

    power = page.locator(".ts-power")
    before = power.text_content()
    page.locator(f"{VIEWER} .openseadragon-canvas").first.focus()
    page.keyboard.press("+")
    expect(power).not_to_have_text(before)
    page.keyboard.press("0")
    expect(power).to_have_text(before)


@pytest.mark.browser
def test_a_slide_whose_file_is_gone_is_shown_by_what_the_workspace_keeps(
    offline_page: Any, serve: Any, planted: Planted, tmp_path: Path
) -> None:
    page, workspace = offline_page, planted.workspace
    move_source(workspace, 1, tmp_path / "gone.svs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    clustering = open_clustering(workspace, RUN)
    tile = int((clustering.index.slide == 1).nonzero()[0][10])
    page.goto(f"{serve(workspace.root)}?page=3&slide=1&tile={tile}")
    page.locator(f"{VIEWER}[data-ready='1']").wait_for()
    expect(page.get_by_text("The file of this slide is no longer there")).to_be_visible()
    assert len(marked_box(page)) == 4
    page.get_by_role("button", name="As through a 20× objective").click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=SHOTS / "7-slide-gone.png")
    assert any(url.endswith(f"/t/{tile}") for url in asked)
    assert not [url for url in asked if re.search(r"/slide/\d+/\d+/", url)]


@pytest.mark.browser
def test_the_overview_is_not_painted_over_and_the_viewer_fills_the_height(
    offline_page: Any, serve: Any, planted_once: Planted
) -> None:
    page = offline_page
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{serve(planted_once.workspace.root)}?page=3")
    page.locator(f"{VIEWER}[data-ready]").wait_for()
    expect(page.locator(f"{VIEWER} .openseadragon-canvas .ts-over")).to_have_count(
        1
    )  # below the overview, which comes after it
    assert page.locator(VIEWER).bounding_box()["height"] > 900
    slider = page.locator(".ts-strength input")
    overview = page.locator(f"{VIEWER} .navigator")
    pictures = []
    for strength in ("0", "1"):
        slider.fill(strength)
        page.mouse.move(5, 5)
        page.wait_for_load_state("networkidle")
        pictures.append(overview.screenshot())
    assert pictures[0] == pictures[1]
