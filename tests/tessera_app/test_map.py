"""The map component by itself in a browser: more points than are drawn at a time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

FRONTEND = Path(__file__).resolve().parents[2] / "app" / "tessera_app" / "frontend"
HOME = "http://localhost/"
N, MOST, LONE, SIDE_PX, DISTANCE = 4000, 500, 1234, 400, 1.08

# what anywidget and Panel hand to a component: a model that can be asked and told
PAGE = """<body style="margin:0;width:400px"><div id="here"></div><script type="module">
import map from "./embedding_map.js";
const values = VALUES, heard = {};
window.model = {
  get: (key) => values[key],
  set: (key, value) => { values[key] = value; for (const tell of heard[`change:${key}`] ?? []) tell(); },
  on: (what, tell) => (heard[what] ??= []).push(tell), off: () => {}, save_changes: () => {}, send: () => {},
};
map.render({ model: window.model, el: document.getElementById("here") });
</script></body>"""


def scattered() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Points in the left half, and one alone in the right one."""
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-0.9, -0.1, N), rng.uniform(-0.9, 0.9, N)], axis=1).astype(np.float32)
    points[LONE] = 0.5, 0.5
    return points


@pytest.mark.browser
def test_a_sample_is_drawn_and_what_is_picked_is_the_tile_itself(offline_page: Any) -> None:
    points, cluster = scattered(), np.zeros(N, np.int32)
    cluster[LONE] = 7
    values = {
        "ids": [0, 7],
        "colours": ["#aa0000", "#0000aa"],
        "labels": ["many", "one"],
        "highlight": 7,
        "polygon": [],
        "url": "/points",
        "height_px": SIDE_PX,
        "point_size": 6,
        "most": MOST,
        "dark": False,
        "tile_url": "",
        "images": {},
        "wanted": {},
        "picked": -1,
    }
    file = np.uint32(N).tobytes() + points.T.tobytes() + cluster.tobytes()
    answers = {
        "": ("text/html", PAGE.replace("VALUES", json.dumps(values)).encode()),
        "points": ("application/octet-stream", file),
        "embedding_map.js": ("text/javascript", (FRONTEND / "dist" / "embedding_map.js").read_bytes()),
    }

    def answer(route: Any) -> None:
        kind, body = answers.get(route.request.url.removeprefix(HOME), ("text/plain", b""))
        route.fulfill(content_type=kind, body=body)

    offline_page.route(f"{HOME}**", answer)
    offline_page.goto(HOME)
    drawn = offline_page.locator(f".ts-map[data-ready='{N}']")
    expect(drawn).to_have_attribute("data-shown", str(MOST))
    expect(offline_page.locator(".ts-map-share")).to_contain_text(re.compile(r"one tile in (7|8) is drawn"))

    def press(x: float, y: float) -> None:
        half = SIDE_PX / 2
        offline_page.locator(".ts-map canvas").click(
            position={"x": half + x / DISTANCE * half, "y": half - y / DISTANCE * half}
        )

    press(*points[LONE].tolist())  # the open cluster is there whole, whatever the sample
    offline_page.wait_for_function("() => model.get('picked') >= 0")
    assert offline_page.evaluate("model.get('picked')") == LONE
    for _ in range(12):
        offline_page.mouse.wheel(0, -240)  # towards it, until fewer are in sight than may be drawn
    expect(offline_page.locator(".ts-map-share")).to_have_text("")
    assert int(drawn.get_attribute("data-shown") or N) < MOST


@pytest.mark.browser
def test_a_sample_is_fair_and_holds_the_open_cluster(page: Any) -> None:
    script = (FRONTEND / "src" / "lib" / "points.js").read_text()
    found = page.evaluate(
        """async (script) => {
        const { shuffled, thinned } = await import("data:text/javascript," + encodeURIComponent(script));
        const n = 10000, turn = shuffled(n);
        const x = Float32Array.from({ length: n }, (_, i) => (i % 100) / 50 - 1), y = Float32Array.from(x, (_, i) => Math.floor(i / 100) / 50 - 1);
        const cluster = Int32Array.from(x, (_, i) => (i < 30 ? 5 : 1));
        const all = { x, y, n, cluster, turn }, whole = { x: 0, y: 0, half_x: 2, half_y: 2 };
        const many = thinned(all, whole, 1000, 5), few = thinned(all, { x: 0, y: 0, half_x: 0.11, half_y: 0.11 }, 1000, -1);
        const crowd = thinned({ ...all, cluster: cluster.fill(5, 0, 5000) }, whole, 1000, 5);
        return { permutation: [...turn].sort((a, b) => a - b).every((v, i) => v === i), same: String(shuffled(50)) === String(shuffled(50)),
          many: [...many.shown], rate: many.rate, few: few.shown.length, few_rate: few.rate,
          crowd: [...crowd.shown], crowd_rate: crowd.rate };
    }""",
        script,
    )
    many = np.array(found["many"])
    assert found["permutation"]
    assert found["same"]
    assert len(set(many)) == 1000
    assert set(range(30)) <= set(many)
    assert found["rate"] == pytest.approx(0.1, rel=0.1)
    assert np.histogram(many % 100, 4, (0, 100))[0].min() > 200  # a fair share of 250 for each quarter of the map
    assert found["few"] == 11 * 11
    assert found["few_rate"] == 1
    assert sum(i < 5000 for i in found["crowd"]) == 500  # a large open cluster leaves room for the others
    assert len(set(found["crowd"])) == 1000
    assert found["crowd_rate"] == pytest.approx(0.1, rel=0.2)
