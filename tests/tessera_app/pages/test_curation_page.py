"""Curation in a real browser: what is pressed and clicked is what the history holds, and every view follows it."""

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

from tests.tessera.planted import RUN, Planted

SHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots"
FIELD = ".ts-bench .combo .name"


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


def open_explore(page: Any, serve: Any, planted: Planted, cluster: int | str = 0) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.goto(f"{serve(planted.workspace.root)}?page=explore&run={RUN}&cluster={cluster}")
    page.locator(f".ts-bench .gal[data-of='{cluster}'][data-ready]").wait_for()


def answered(page: Any) -> None:
    """Wait until nothing that was decided here waits for an answer."""
    page.locator(".ts-bench[data-pending='0']").wait_for()


@pytest.mark.browser
def test_the_labelling_loop_by_keys(offline_page: Any, serve: Any, planted: Planted) -> None:
    page = offline_page
    page.goto(f"{serve(planted.workspace.root)}?page=explore")
    number, field = page.locator(".ts-open-name"), page.locator(FIELD)
    ids, sizes = np.unique(planted.labels[2][planted.labels[2] >= 0], return_counts=True)
    first, second, third, fourth, *_ = ids[np.argsort(-sizes, kind="stable")].tolist()
    expect(number).to_have_text(f"No. {first}")  # the one that wins most by a name
    page.locator("input.ts-author").fill("Dr Virchow")
    page.keyboard.press("Enter")

    page.keyboard.press("n")
    page.keyboard.type("stro")
    expect(field).to_have_value("stroma")  # the field shows what Enter saves
    page.keyboard.press("Enter")
    expect(number).to_have_text(f"No. {second}")
    page.keyboard.press("1")  # the name that was given before
    expect(number).to_have_text(f"No. {third}")
    page.keyboard.press("a")
    expect(number).to_have_text(f"No. {fourth}")
    answered(page)
    named = int(sizes[np.isin(ids, [first, second, third])].sum())
    expect(page.locator(".ts-progress")).to_contain_text(f"3 of {len(ids)} clusters · {100 * named // sizes.sum()} %")
    assert said(planted) == [("name", first, "stroma"), ("name", second, "stroma"), ("mark", third, "artefact")]
    assert {d.author for d in history(planted.workspace, RUN)} == {"Dr Virchow"}

    page.keyboard.press("s")  # it comes again at the end
    expect(number).not_to_have_text(f"No. {fourth}")
    page.keyboard.press("z")
    expect(number).to_have_text(f"No. {third}")  # undo goes back there
    expect(page.locator(".strip .last")).to_contain_text("Undone")
    page.keyboard.press("n")
    page.keyboard.type("fat")
    page.keyboard.press("Shift+Enter")  # save and stay
    expect(number).to_have_text(f"No. {third}")
    answered(page)
    assert state_of(planted.workspace, RUN).names == {first: "stroma", second: "stroma", third: "fat"}
    assert state_of(planted.workspace, RUN).marks == {}

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Naming by keys")
    page.get_by_label("Single-letter keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    assert len(history(planted.workspace, RUN)) == 5


@pytest.mark.browser
def test_half_typed_text_is_kept_and_names_are_text(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, field = offline_page, offline_page.locator(FIELD)
    open_explore(page, serve, planted)
    field.press_sequentially("muc")
    field.fill("half a na")
    page.locator(".crow[data-cluster='3']").click()
    expect(field).to_have_value("")
    page.locator(".crow[data-cluster='0']").click()
    expect(field).to_have_value("half a na")
    expect(page).to_have_url(re.compile("cluster=0"))
    page.reload()
    expect(field).to_have_value("half a na")
    for name in ("<img src=x onerror=alert(1)>", "\u0648\u0631\u0645 \U0001f9ec", "n" * 80):
        field.fill(name)
        field.press("Shift+Enter")
        answered(page)
        expect(page.locator(".crow.open .nm")).to_have_text(name)
        assert state_of(planted.workspace, RUN).names == {0: name}
    field.fill("m" * 300)  # the field takes 80
    assert len(field.input_value()) == 80


@pytest.mark.browser
def test_merge_divide_take_out_and_undo(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    open_explore(page, serve, planted)
    page.locator("input.ts-author").fill("Dr Virchow")
    page.locator(".mid").focus()
    page.keyboard.press("m")
    page.locator(".other").fill("#3")
    expect(page.locator(".mrow")).to_have_count(1)
    page.keyboard.press("Enter")
    answered(page)
    merged = int(np.isin(planted.labels[2], [0, 3]).sum())
    expect(page.locator(".head .facts")).to_contain_text(f"{merged:,} tiles")
    expect(page.locator(".crow[data-cluster='3']")).to_have_count(0)

    tiles = page.locator(".ts-bench .gal .gt")
    tiles.nth(0).click(modifiers=["ControlOrMeta"])
    tiles.nth(2).click(modifiers=["Shift"])
    expect(page.locator(".gfoot")).to_contain_text("3 tiles chosen")
    page.screenshot(path=SHOTS / "5-curation.png")
    page.locator(".ts-bench .gal").focus()
    page.keyboard.press("Delete")
    expect(page.locator(".head .facts")).to_contain_text(f"{merged - 3:,} tiles")
    page.locator(".mid").focus()
    page.keyboard.press("z")
    expect(page.locator(".head .facts")).to_contain_text(f"{merged:,} tiles")

    page.keyboard.press("d")
    expect(page.locator(".parts .part")).to_have_count(2)
    page.keyboard.press("3")
    expect(page.locator(".parts .part")).to_have_count(3)  # the preview shows what dividing makes
    shown = [int(text.split()[0].replace(",", "")) for text in page.locator(".parts .part .muted").all_inner_texts()]
    page.keyboard.press("Enter")
    expect(page.locator(".ts-open-name")).to_have_text("No. 0.1")
    answered(page)
    (split,) = [d for d in history(workspace, RUN) if d.kind == "split"]
    assert split.payload["sizes"] == shown
    page.keyboard.press("h")
    expect(page.locator(".history tr")).to_have_count(4)
    expect(page.locator(".history")).to_contain_text("Dr Virchow")
    page.screenshot(path=SHOTS / "6-history.png")
    page.keyboard.press("Escape")
    assert [kind for kind, _, _ in said(planted)] == ["merge", "exclude", "undo", "split"]
    clustering = curated_clustering(workspace, RUN)
    assert 3 not in clustering.ids
    assert clustering.sizes.sum() == (planted.labels[2] >= 0).sum()


@pytest.mark.browser
def test_the_list_by_keyboard_filter_and_several_at_once(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    name_cluster(workspace, RUN, 2, 3, "glands", author="Dr Virchow")
    open_explore(page, serve, planted)
    rows, listed = page.locator(".crow"), page.get_by_role("listbox", name="Clusters")
    listed.focus()
    before = page.locator(".ts-open-name").inner_text()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".ts-open-name")).not_to_have_text(before)
    opened = page.locator(".crow.open")
    assert listed.get_attribute("aria-activedescendant") == opened.get_attribute("id")
    assert opened.get_attribute("aria-selected") == "true"
    page.keyboard.press("Tab")  # twice in a row, quickly: the list stays as it is
    page.keyboard.press("Tab")
    expect(rows).to_have_count(6)
    page.locator(".mid").focus()
    page.keyboard.press("/")
    page.keyboard.type("glan")
    expect(rows).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(FIELD)).to_have_value("glands")
    page.locator(".find").fill("")
    page.locator("[data-filter=unnamed]").click()
    expect(rows).to_have_count(6)  # five, and the open one
    page.locator("[data-filter=unnamed]").click()

    page.locator(".crow[data-cluster='6']").click()
    page.locator(".crow[data-cluster='9']").click(modifiers=["ControlOrMeta"])
    page.locator(".selbar").get_by_role("button", name="Name…").click()
    page.keyboard.type("mucosa")
    page.keyboard.press("Enter")
    answered(page)
    assert {i: n for i, n in state_of(workspace, RUN).names.items() if i != 3} == {6: "mucosa", 9: "mucosa"}
    assert len(history(workspace, RUN)) == 2  # one decision for both
    colours = (
        page.locator(".crow")
        .filter(has_text="mucosa")
        .locator(".sw")
        .evaluate_all("all => all.map(e => e.style.cssText)")
    )
    assert len(colours) == 2
    assert len(set(colours)) == 1  # two clusters of one name are one colour
    page.locator(".mid").focus()
    page.keyboard.press("c")
    expect(page.locator(".comparison .column")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator(".comparison")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Nothing is open")).to_be_visible()


@pytest.mark.browser
def test_all_tiles_a_large_one_and_those_like_it(offline_page: Any, serve: Any, planted: Planted) -> None:
    page = offline_page
    open_explore(page, serve, planted)
    n = int((planted.labels[2] == 0).sum())
    page.get_by_role("tab", name="All").click()
    while int(page.locator(".ts-bench .gal").get_attribute("data-ready")) < n:
        page.locator(".ts-bench .gal").evaluate("e => { e.scrollTop = e.scrollHeight }")
        page.wait_for_timeout(100)
    shown = page.locator(".ts-bench .gal .gt").evaluate_all("all => all.map(e => Number(e.dataset.tile))")
    assert sorted(shown) == np.flatnonzero(planted.labels[2] == 0).tolist()

    page.locator(".mid").focus()
    page.keyboard.press("t")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    wide = page.locator(".drawer .big img[src^='around/']")
    assert wide.evaluate("image => image.decode().then(() => image.naturalWidth)") == 384
    expect(page.locator(".drawer .scale")).to_contain_text("µm")
    tile = page.locator(".drawer").get_attribute("data-tile")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".drawer")).not_to_have_attribute("data-tile", tile)
    page.screenshot(path=SHOTS / "6-tile.png")
    page.locator(".drawer").get_by_role("button", name="Similar tiles").click()
    expect(page.locator(".gsec").first.locator(".gt")).to_have_count(24)


@pytest.mark.browser
def test_one_screen_without_scrolling(offline_page: Any, serve: Any, planted: Planted) -> None:
    page = offline_page
    page.set_viewport_size({"width": 1280, "height": 720})
    open_explore(page, serve, planted)
    for part in (FIELD, ".list", ".mapbox", ".slidebox"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 720
        assert box["width"] > 200
    whole = (
        "all => all.filter(e => { const r = e.getBoundingClientRect(); return r.bottom <= 690 && r.width >= 96 "
        "}).length"
    )
    assert page.locator(".ts-bench .gal .gt").evaluate_all(whole) >= 12
    for width, height in ((1280, 720), (1920, 1080), (820, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        assert page.evaluate(
            "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
        )
        assert page.locator(FIELD).bounding_box()["width"] > 200
    assert page.locator(".mapbox").bounding_box()["y"] > page.locator(".list").bounding_box()["y"]

    page.set_viewport_size({"width": 1280, "height": 720})
    bar = page.get_by_role("separator", name="Width of the list")
    before = page.locator(".pane.left").bounding_box()["width"]
    bar.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".pane.left").bounding_box()["width"] == before + 16
    page.reload()
    page.locator(".ts-bench .gal[data-ready]").wait_for()
    assert page.locator(".pane.left").bounding_box()["width"] == before + 16  # it is remembered


@pytest.mark.browser
def test_the_map_by_day_and_by_night_and_a_lasso_that_is_kept(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    rng = np.random.default_rng(0)
    places = rng.uniform(-1, 1, (planted.n, 2)).astype(np.float32)
    places[: planted.n * 3 // 4] *= 0.01  # most of them lie thick
    workspace.run_folder(RUN).save_projection(2, places)
    page.goto(f"{serve(workspace.root)}?page=2&run={RUN}&cluster=0")
    page.locator(".ts-map[data-ready]").wait_for()
    page.locator(".ts-map-lasso").click()
    box = page.locator(".ts-map canvas").first.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 120)
    page.mouse.down()
    for x, y in ((340, 120), (340, 400), (60, 400), (60, 130)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    expect(page.locator(".ts-lasso-count")).to_be_visible()
    expect(page.locator(".ts-bench .gal .gt").first).to_be_visible()
    page.locator(".keep-name").fill("upper left")
    page.locator(".ts-bench .keep").click()
    expect(page.locator(".strip .last")).to_contain_text("Kept.")
    assert [selection.name for selection in state_of(workspace, RUN).selections] == ["upper left"]

    page.locator(".crow[data-cluster='3']").click()
    expect(page.locator(".ts-open-name")).to_have_text("No. 3")
    expect(page.locator(".ts-lasso-count")).to_have_count(0)  # the lasso is let go

    assert brightness(page) > 200
    page.get_by_label("Dark page").click()
    expect(page).to_have_url(re.compile("dark=true"))
    page.reload()
    page.locator(".ts-map[data-ready]").wait_for()
    until(page, lambda: brightness(page) < 60)
    page.screenshot(path=SHOTS / "6-night.png", full_page=True)
