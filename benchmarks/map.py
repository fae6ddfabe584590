"""How quick the map component is by itself, in headless Chromium with software WebGL.

    python benchmarks/map.py --points 1000000 --clusters 1000 [--picture map.png]

Points are blobs, one a cluster, a hundred times as many in the largest as in the smallest. Times are medians of
`--rounds`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from pictures import FLAGS
from playwright.sync_api import sync_playwright
from tessera.explore.palette import NAME_COLOURS, colour
from tessera_app.components.properties import EMBEDDING_MAP

BUNDLE = Path(__file__).resolve().parents[1] / "app/tessera_app/frontend/dist/embedding_map.js"
PAGE = """<body style="margin:0"><div id="here" style="width:WIDTHpx;height:HEIGHTpx"></div><script type="module">
import map from "./embedding_map.js";
const values = VALUES, heard = {};
window.model = {
  get: (key) => values[key],
  set: (key, value) => { values[key] = value; for (const tell of heard[`change:${key}`] ?? []) tell(); },
  on: (what, tell) => (heard[what] ??= []).push(tell), off: () => {}, save_changes: () => {}, send: () => {},
};
window.began = performance.now();
map.render({ model: window.model, el: document.getElementById("here") });
</script></body>"""
# milliseconds from an act to the end of the second frame after it: the first one draws, the second is on the screen
FRAME = """async (act) => {
  const stage = document.querySelector(".ts-map-stage"), frame = stage.getBoundingClientRect();
  const began = performance.now();
  if (act.wheel) stage.dispatchEvent(new WheelEvent("wheel", {deltaY: act.wheel, bubbles: true, cancelable: true,
    clientX: frame.left + act.x * frame.width, clientY: frame.top + act.y * frame.height}));
  else { model.set("highlight", act.highlight); }
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const gl = document.querySelector(".ts-map canvas").getContext("webgl");
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  return performance.now() - began;
}"""


def points_of(n: int, n_clusters: int) -> bytes:
    """The file of a synthetic map."""
    rng = np.random.default_rng(0)
    weights = np.geomspace(1, 100, n_clusters)
    cluster = rng.choice(n_clusters, n, p=weights / weights.sum()).astype(np.int32)
    centres, spread = rng.uniform(-0.9, 0.9, (n_clusters, 2)), rng.uniform(0.01, 0.08, n_clusters)
    xy = (centres[cluster] + rng.normal(size=(n, 2)) * spread[cluster, None]).astype(np.float32).clip(-1, 1)
    return np.uint32(n).tobytes() + np.ascontiguousarray(xy.T).tobytes() + cluster.tobytes()


def values_of(n_clusters: int, named: int, *, dark: bool) -> dict[str, Any]:
    """What Python would tell the component."""
    names = [f"Name {i % 12}" if i < named else "" for i in range(n_clusters)]
    colours = [NAME_COLOURS[i % 12] if i < named else colour(i) if not named else "" for i in range(n_clusters)]
    begin = {key: one.start for key, one in EMBEDDING_MAP.items() if one.kind != "bytes"}
    return {
        **begin,
        "ids": list(range(n_clusters)),
        "colours": colours,
        "shapes": [0] * n_clusters,
        "names": names,
        "labels": [name or f"No. {i}" for i, name in enumerate(names)],
        "numbers": [str(i) for i in range(n_clusters)],
        "url": "/points",
        "height_px": 0,
        "point_size": 0.0,
        "tile_url": "t/",
        "dark": dark,
        "colour_options": [["name", "name"], ["cluster", "cluster"], ["slide", "slide"]],
    }


@contextmanager
def served(options: argparse.Namespace) -> Iterator[str]:
    """A server of the page, its points and the bundle; gives its address."""
    text = PAGE.replace("VALUES", json.dumps(values_of(options.clusters, options.named, dark=options.dark)))
    text = text.replace("WIDTH", str(options.width)).replace("HEIGHT", str(options.height))
    answers = {
        "/": ("text/html", text.encode()),
        "/points": ("application/octet-stream", points_of(options.points, options.clusters)),
        "/embedding_map.js": ("text/javascript", BUNDLE.read_bytes()),
    }

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server asks for
            kind, body = answers.get(self.path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def main() -> None:
    options = _options()
    with served(options) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": options.width, "height": options.height})
        page.goto(address)
        page.locator(f".ts-map[data-ready='{options.points}']").wait_for(timeout=300_000)
        box = page.locator(".ts-map")
        print(f"{options.points:,} points, {options.clusters:,} clusters, {options.width} x {options.height} px")
        print(
            f"first drawn after {page.evaluate('performance.now() - began') / 1000:.2f} s, "
            f"{box.get_attribute('data-shown')} points"
        )
        if options.picture:
            page.screenshot(path=options.picture)
        for what, act in (
            ("zoom in", {"wheel": -240, "x": 0.5, "y": 0.45}),
            ("zoom out", {"wheel": 240, "x": 0.5, "y": 0.45}),
        ):
            took, shown = [], []
            for _ in range(options.rounds):
                took.append(page.evaluate(FRAME, act))
                shown.append(int(box.get_attribute("data-shown") or 0))
            print(
                f"{what}: median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms, {min(shown):,} to "
                f"{max(shown):,} points"
            )
        took = [page.evaluate(FRAME, {"highlight": i * 7}) for i in range(options.rounds)]
        print(f"open a cluster: median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms")
        chromium.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, default=1_000)
    parser.add_argument("--named", type=int, default=0, help="clusters with one of twelve names")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=560)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--picture", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
