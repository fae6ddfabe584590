"""The map component by itself in a browser: all points, thinned by density, what is rare kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import expect
from tessera_app.components.properties import EMBEDDING_MAP

from .component_page import open_component, serve_sources

N, LONE = 60_000, 1234  # more than the 50,000 that were drawn once
MANY, ONE = 0, 7


def scattered() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Points of a cluster in the left half of the map, and one of another cluster alone in the right half."""
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-0.9, -0.1, N), rng.uniform(-0.9, 0.9, N)], axis=1).astype(np.float32)
    points[LONE] = 0.5, 0.5
    points[5] = np.nan  # a tile without a place on the map
    cluster = np.full(N, MANY, np.int32)
    cluster[LONE] = ONE
    return points, cluster


def shown(page: Any, **values: Any) -> Any:
    """The map with those points; gives its box when it is drawn."""
    points, cluster = scattered()
    file = np.uint32(N).tobytes() + np.ascontiguousarray(points.T).tobytes() + cluster.tobytes()
    about = {
        "ids": [MANY, ONE],
        "colours": ["#3971f8", ""],
        "shapes": [0, 0],
        "names": ["stroma", ""],
        "labels": ["stroma", "No. 7"],
        "numbers": ["0", "7"],
        "url": "/points",
        "height_px": 0,
    }
    open_component(page, "embedding_map", EMBEDDING_MAP, {**about, **values}, {"points": file})
    return page.locator(".ts-map")


def stage_place(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a place of the map lies on the page when the whole map is shown: 26 px are free around all points."""
    frame = page.locator(".ts-map-stage").bounding_box()
    scale = min((frame["width"] - 52) / 1.4, (frame["height"] - 52) / 1.8)
    return frame["x"] + frame["width"] / 2 + (x + 0.2) * scale, frame["y"] + frame["height"] / 2 - y * scale


@pytest.mark.browser
def test_every_tile_is_on_the_map_and_a_click_picks_the_tile_itself(offline_page: Any) -> None:
    box = shown(offline_page, labelled="none")  # a label is clicked for its cluster
    expect(box).to_have_attribute("data-ready", str(N))
    drawn = int(box.get_attribute("data-shown"))
    assert drawn < N  # what others cover is left out
    offline_page.mouse.click(*stage_place(offline_page, 0.5, 0.5))
    offline_page.wait_for_function("() => model.get('picked') >= 0")
    assert offline_page.evaluate("[model.get('picked'), model.get('highlight')]") == [LONE, ONE]
    offline_page.mouse.move(*stage_place(offline_page, -0.5, 0.2))
    for _ in range(20):
        offline_page.mouse.wheel(0, -400)  # without a click before
    offline_page.wait_for_function("() => model.get('seen')[2] > 50")
    inside = int(box.get_attribute("data-shown"))
    assert 0 < inside < drawn


@pytest.mark.browser
def test_a_click_on_the_ground_lets_everything_go(offline_page: Any) -> None:
    box = shown(offline_page, highlight=ONE, picked=LONE, polygon=[[0.4, 0.4], [0.6, 0.4], [0.6, 0.6]])
    expect(box).to_have_attribute("data-ready", str(N))
    offline_page.mouse.click(*stage_place(offline_page, 0.3, -0.6))
    offline_page.wait_for_function("() => model.get('highlight') < 0")
    assert offline_page.evaluate("[model.get('picked'), model.get('polygon').length]") == [-1, 0]


@pytest.mark.browser
def test_a_lasso_says_at_once_what_it_holds(offline_page: Any) -> None:
    box = shown(offline_page)
    expect(box).to_have_attribute("data-ready", str(N))
    offline_page.locator(".ts-map-lasso").click()
    corners = [(-0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (-0.3, 0.6)]
    offline_page.mouse.move(*stage_place(offline_page, *corners[0]))
    offline_page.mouse.down()
    for corner in corners[1:]:
        offline_page.mouse.move(*stage_place(offline_page, *corner), steps=6)
    offline_page.mouse.up()
    offline_page.wait_for_function("() => model.get('held').n > 0")
    polygon, held = offline_page.evaluate("[model.get('polygon'), model.get('held')]")
    from tessera.explore.projection import inside_polygon

    points, cluster = scattered()
    inside = inside_polygon(points, np.asarray(polygon))
    assert held["n"] == len(inside)
    assert held["parts"] == [["stroma", int((cluster[inside] == MANY).sum())], ["No. 7", 1]]
    expect(offline_page.locator(".ts-lasso-card b")).to_have_text(f"{len(inside):,} tiles")
    expect(offline_page.locator(".ts-lasso-card img")).to_have_count(12)


@pytest.mark.browser
def test_a_browser_without_webgl_is_told_so(offline_page: Any) -> None:
    offline_page.add_init_script(
        "const own = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        " return kind.includes('webgl') ? null : own.call(this, kind, ...rest); };"
    )
    shown(offline_page)
    expect(offline_page.locator(".ts-map-note")).to_contain_text("no WebGL")
    expect(offline_page.locator(".ts-map-note")).to_contain_text("gallery work without it")


@pytest.mark.browser
def test_a_screen_reader_hears_what_the_map_is(offline_page: Any) -> None:
    box = shown(offline_page, highlight=ONE, colour_options=[["name", "name"]])
    expect(box).to_have_attribute("data-ready", str(N))
    canvas = offline_page.get_by_role("img", name="Map of 60,000 tiles in 2 clusters; coloured by name; No. 7 is open")
    expect(canvas).to_have_count(1)
    offline_page.locator(".ts-map-stage").focus()
    offline_page.keyboard.press("+")
    offline_page.wait_for_function("() => model.get('seen').length === 3")
    offline_page.keyboard.press("Escape")
    offline_page.wait_for_function("() => model.get('highlight') < 0")


@pytest.mark.browser
def test_no_tool_covers_a_point_and_no_point_is_cut_off(offline_page: Any) -> None:
    box = shown(offline_page)
    expect(box).to_have_attribute("data-ready", str(N))
    bar, stage = (offline_page.locator(one).bounding_box() for one in (".ts-map-bar", ".ts-map-stage"))
    assert bar["y"] + bar["height"] <= stage["y"] + 1
    far = offline_page.evaluate("""async () => {
      const { boundsOf, camera } = await import("./src/lib/camera.js");
      const x = Float32Array.of(-1, 1, 0.2, NaN), y = Float32Array.of(-0.4, 0.9, 0.1, NaN), view = camera();
      view.resize(500, 300);
      view.bound(boundsOf({ x, y, n: 4 }));
      return [view.toScreen(-1, -0.4), view.toScreen(1, 0.9)].flat();
    }""")
    assert 20 <= far[0] <= 480
    assert 20 <= far[2] <= 480
    assert 20 <= far[3] < far[1] <= 280


@pytest.mark.browser
def test_thinning_keeps_what_is_rare_and_leaves_out_what_is_covered(page: Any) -> None:
    serve_sources(page)
    found = page.evaluate("""async () => {
      const { fittingRuns, levelFor, members, nearest, runs, sorted, total } = await import("./src/lib/thinning.js");
      const n = 200000, x = new Float32Array(n), y = new Float32Array(n), code = new Uint16Array(n);
      let state = 7;
      const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
      for (let i = 0; i < n; i++) [x[i], y[i], code[i]] = [random() * 0.2, random() * 0.2, i % 20000 ? 1 : 2];
      [x[9], y[9]] = [-0.9, 0.9];  // alone
      const points = { x, y, n }, index = sorted(points, code, 4), all = { left: -1, right: 1, bottom: -1, top: 1 };
      const drawn = (level) => runs(index, all, level).flatMap(([a, b]) => [...index.order.subarray(a, b)]);
      const coarse = drawn(0), level = levelFor(270, 3);
      const small = { left: 0.05, right: 0.06, bottom: 0.05, top: 0.06 };
      const least = total(runs(index, small, 8)), most = fittingRuns(index, all, 8, 1000);
      return { everything: new Set(drawn(8)).size, coarse: coarse.length,
        fitting: total(runs(index, all, level)), level,
        rare: coarse.filter((i) => code[i] === 2).length, alone: coarse.includes(9), small: least, most: most.shown,
        near: nearest(index, points, [-0.9, 0.901], 0.01, 8), none: nearest(index, points, [-0.5, -0.5], 0.01, 8),
        own: members(index, code).of(2).length };
    }""")
    assert found["everything"] == 200_000
    assert found["coarse"] < 60
    assert found["rare"] >= 5  # of ten: as many as the coarsest grid has cells there that tell them apart
    assert found["alone"]
    assert found["fitting"] < 10_000
    assert found["small"] < 200_000 / 10
    assert found["most"] <= 1000
    assert (found["near"], found["none"], found["own"]) == (9, -1, 10)


@pytest.mark.browser
def test_labels_never_lie_on_each_other_and_more_fit_when_closer(page: Any) -> None:
    serve_sources(page)
    boxes = page.evaluate("""async () => {
      const { placed } = await import("./src/lib/map_labels.js");
      const at = (scale) => Array.from({ length: 60 }, (_, i) =>
        ({ x: 200 + ((i % 8) - 4) * 30 * scale, y: 200 + (Math.floor(i / 8) - 4) * 9 * scale, width: 70, height: 19 }));
      return [1, 3].map((scale) => placed(at(scale), { width: 400, height: 400 }));
    }""")
    for labels in boxes:
        for i, one in enumerate(labels):
            assert 0 <= one["left"] <= 400 - one["width"]
            for other in labels[:i]:
                apart_x = max(one["left"], other["left"]) >= min(one["left"], other["left"]) + 70
                apart_y = max(one["top"], other["top"]) >= min(one["top"], other["top"]) + 19
                assert apart_x or apart_y
    assert 5 < len(boxes[0]) < len(boxes[1])


@pytest.mark.browser
def test_anchors_lie_where_a_cluster_is_thickest(page: Any) -> None:
    serve_sources(page)
    found = page.evaluate("""async () => {
      const { anchors } = await import("./src/lib/map_labels.js");
      const n = 500, x = new Float32Array(n).fill(0.8), y = new Float32Array(n).fill(0.8),
        cluster = new Int32Array(n).fill(3);
      x.fill(-0.7, 0, 100);
      return Object.fromEntries(anchors({ x, y, n, cluster }));
    }""")
    assert found["3"]["x"] == pytest.approx(0.8, abs=1e-5)  # the mean of both heaps would lie where no tile is
    assert found["3"]["n"] == 500
    assert found["3"]["tile"] >= 100
