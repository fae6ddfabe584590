"""How quick the dashboard is on a large workspace, in headless Chromium; and whether its server stays small.

    python benchmarks/dashboard.py --tiles 1000000 --clusters 1000 --slides 500 [--loads 200] [--keep FOLDER]

The workspace is synthetic: every tile is one of 256 small noise pictures, clusters are blobs on the map. Times are
medians of `--rounds`; the first round of each is told apart, since caches of the server are cold then.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import simplejpeg
from labelling import STANDS
from pictures import FLAGS
from playwright.sync_api import Page, sync_playwright
from tessera.config import RunConfig
from tessera.runs import control
from tessera.slides.quality import Reason
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

RUN, BANK_DIM, SIDE = "large", 64, 224
_LOOKED_AT_MS = 1000  # before the next cluster is opened: its pictures have come
_FREED_S = 30  # after which the server has let sessions go whose pages were closed
READY = {  # page: what must be there for it to count as painted
    "cohort": ".card .badge",
    "run": ".ts-preset button",
    "explore": ".ts-bench .gal[data-ready] .gt img",
    "slide": ".ts-slide-viewer[data-ready]",
    "review": ".ts-propose button",
    "export": ".ts-export button",
}


def make(root: Path, n_tiles: int, n_clusters: int, n_slides: int) -> Workspace:
    """A finished run of one clustering with a map."""
    workspace, rng = Workspace.create(root), np.random.default_rng(0)
    pictures = []
    for _ in range(256):
        noise = cv2.resize(rng.integers(120, 255, (6, 6, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        pictures.append(simplejpeg.encode_jpeg(noise, quality=60))
    per_slide = -(-n_tiles // n_slides)
    across = int(np.ceil(per_slide**0.5))
    now, store, first = time.time(), TileStore(workspace.tiles_path), 0
    batches, rows = [], []
    for slide in range(1, n_slides + 1):
        n = min(per_slide, n_tiles - first)
        tiles = [
            (int(i % across) * SIDE, int(i // across) * SIDE, SIDE, -1, "", pictures[int(p)])
            for i, p in enumerate(rng.integers(0, len(pictures), n))
        ]
        batches.append(record_batch(first, slide, tiles))
        side = across * SIDE
        rows.append(
            (
                slide,
                f"slide-{slide:04d}.svs",
                f"/gone/slide-{slide}.svs",
                side,
                n,
                first,
                f"P{slide % 300:03d}",
                now,
                SIDE,
                across,
                zlib.compress(bytes([int(Reason.KEPT)]) * across**2),
            )
        )
        folder = workspace.slide_folder(slide)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "thumbnail.jpg").write_bytes(pictures[slide % 256])
        first += n
    store.append(batches)
    with workspace.ledger.write() as connection:
        connection.executemany(
            "INSERT INTO slide (id, name, path, kind, state, width, height, mpp, n_tiles, first_tile, patient, updated,"
            " step0, side0, grid_rows, grid_columns, grid)"
            " VALUES (?1, ?2, ?3, 'slide', 'done', ?4, ?4, 0.5, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10, ?11)",
            rows,
        )
        connection.executemany(
            "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
            [("n_tiles", n_tiles), ("tile_px", SIDE), ("tile_mpp", 0.5), ("overlap", 0)],
        )
    centres = rng.uniform(-1, 1, (n_clusters, 2))
    kinds = rng.integers(0, n_clusters, n_tiles)
    control.create(workspace, RunConfig.of({"clustering.clusters": n_clusters}, epochs=0), RUN)
    folder = workspace.run_folder(RUN)
    folder.save_distances(0, rng.uniform(0.1, 2, n_tiles).astype(np.float16))
    ids, sizes = np.unique(kinds, return_counts=True)
    folder.save_interval(0, kinds.astype(np.int32), Clusters(ids, sizes, np.zeros((len(ids), BANK_DIM), np.float32)))
    bank = folder.open_bank((n_tiles, BANK_DIM))
    bank[:] = rng.normal(size=(256, BANK_DIM)).astype(np.float16)[kinds % 256]
    bank.flush()
    folder.save_projection(0, (centres[kinds] + rng.normal(0, 0.02, (n_tiles, 2))).astype(np.float32))
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET interval = 0, state = 'finished' WHERE name = ?", (RUN,))
    return workspace


@contextmanager
def served(workspace: Workspace, port: int) -> Iterator[tuple[str, psutil.Process]]:
    """The dashboard in its own process."""
    words = [sys.executable, "-m", "tessera", "serve", "--port", str(port), "--workspace", str(workspace.root)]
    server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    for line in server.stderr:
        if "app running at" in line:
            break
    try:
        process = psutil.Process(server.pid)
        yield f"http://localhost:{port}/app", (process.children() or [process])[0]
    finally:
        server.terminate()
        server.wait()


def timed(act: Callable[[], Any], rounds: int, rest: Callable[[], Any] = lambda: None) -> tuple[float, float]:
    """Seconds of the first call, and the median of the others; `rest` comes before each and does not count."""
    took = []
    for _ in range(rounds + 1):
        rest()
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return took[0], statistics.median(took[1:])


def measure(page: Page, address: str, rounds: int, n_clusters: int) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """What is measured, its goal, and (first, median) seconds."""
    for number, (name, ready) in enumerate(READY.items()):

        def load(number: int = number, ready: str = ready) -> None:
            page.goto(f"{address}?page={number}")
            page.locator(ready).first.wait_for()

        yield f"first paint of {name}", "2 s", timed(load, rounds)
    page.goto(f"{address}?page=2&cluster=0")
    page.locator(".ts-map[data-ready]").wait_for(timeout=300_000)
    page.locator(READY["explore"]).first.wait_for()
    page.locator(".ts-bench .mid").focus()
    turn = iter(range(1, n_clusters))

    def open_cluster() -> None:
        next(turn)
        before = page.locator(".ts-bench .gal").get_attribute("data-of")
        page.keyboard.press("ArrowDown")
        page.wait_for_function(STANDS, arg=["not", before])

    yield "opening a cluster", "0.3 s", timed(open_cluster, rounds, lambda: page.wait_for_timeout(_LOOKED_AT_MS))
    canvas = page.locator(".ts-map canvas").first.bounding_box()
    assert canvas is not None
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)

    def zoom() -> None:
        page.mouse.wheel(0, -120)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    yield "zooming the map, to the second frame after", "0.2 s", timed(zoom, rounds)
    start = iter(range(0, 10**6, 200))

    def thumbnails() -> None:
        page.evaluate(
            "first => Promise.all(Array.from({length: 200}, (_, i) => {"
            "const image = new Image(); image.src = `t/${first + i}`; return image.decode(); }))",
            next(start),
        )

    yield "200 thumbnails", "1 s", timed(thumbnails, rounds)


def main() -> None:
    options = _options()
    root = options.keep or Path(tempfile.mkdtemp(prefix="tessera-bench-")) / "workspace"
    began = time.monotonic()
    workspace = (
        Workspace.open(root)
        if (root / "runs").exists()
        else make(root, options.tiles, options.clusters, options.slides)
    )
    print(
        f"{workspace.n_tiles():,} tiles, {options.clusters:,} clusters; workspace ready after "
        f"{time.monotonic() - began:.0f} s"
    )
    with served(workspace, options.port) as (address, process), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)  # the first page of a server pays for imports
        page.locator(".ts-top").wait_for()
        print(f"{'':44}{'goal':>8}{'first':>9}{'median':>9}")
        for what, goal, (first, median) in measure(page, address, options.rounds, options.clusters):
            print(f"{what:44}{goal:>8}{first:8.2f}s{median:8.2f}s", flush=True)
        page.close()
        print(f"{'page loads':>12}{'server, MB':>12}")
        for done in range(options.loads + 1):
            if done % max(options.loads // 5, 1) == 0:
                print(f"{done:12}{process.memory_info().rss / 1e6:12.0f}", flush=True)
            one = chromium.new_page()
            one.set_default_timeout(60_000)
            one.goto(f"{address}?page=5")
            one.locator(READY["export"]).first.wait_for()
            one.close()
        print(f"{'sessions':>12}{'server, MB':>12}")
        together = []
        for _ in range(options.sessions):
            together.append(chromium.new_context().new_page())
            together[-1].set_default_timeout(60_000)
            together[-1].goto(f"{address}?page=5")
            together[-1].locator(READY["export"]).first.wait_for()
        print(f"{len(together):12}{process.memory_info().rss / 1e6:12.0f}", flush=True)
        for one in together:
            one.context.close()
        time.sleep(_FREED_S)
        print(f"{0:12}{process.memory_info().rss / 1e6:12.0f}", flush=True)
        chromium.close()
    if options.keep is None:
        shutil.rmtree(root.parent)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, default=1_000)
    parser.add_argument("--slides", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loads", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=20, help="pages that are open at the same time")
    parser.add_argument("--port", type=int, default=5066)
    parser.add_argument("--keep", type=Path, default=None, help="where the workspace is, or is to be made and kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
