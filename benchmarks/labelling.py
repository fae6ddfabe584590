"""Forty clusters of real tiles named by keys alone, in headless Chromium: keystrokes, and seconds until the next
stands.

    TESSERA_DATA=... python benchmarks/labelling.py [--clusters 40] [--pictures FOLDER]

The tiles are the 2,400 of colon5, grouped by colour and texture. The name of a cluster is the label that most of its
tiles bear, as somebody would give it who sees them; clusters in which none makes up a third are called an artefact.
Nobody looks at tiles here: what is measured is what the page costs, not what the eye does.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from bench_workspace import RUN, build
from pictures import FLAGS
from playwright.sync_api import Page, sync_playwright
from tessera.curate.decisions.state import state_of
from tessera.explore.clustering import Clustering, open_clustering
from tessera.workspace.folder import Workspace

_SIZE = {"width": 1280, "height": 720}
_THIRD = 1 / 3
# the gallery of a cluster stands, and every picture of it that is in sight is there; things lie in shadow roots
STANDS = """([how, cluster]) => {
  const all = root => [...root.querySelectorAll("*")].flatMap(n => [n, ...(n.shadowRoot ? all(n.shadowRoot) : [])]);
  window.benchGallery = window.benchGallery?.isConnected
    ? window.benchGallery
    : all(document).find(n => n.id === "gallery");
  const gallery = window.benchGallery;
  if (!gallery?.dataset.ready || (how === "is") !== (gallery.dataset.of === cluster)) return false;
  const { bottom } = gallery.getBoundingClientRect();
  return [...gallery.querySelectorAll("img")].every(
    i => i.getBoundingClientRect().top > bottom || (i.complete && i.naturalWidth));
}"""


def main() -> None:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="tessera-labelling-"))
    try:
        tiles = Path(os.environ["TESSERA_DATA"]) / "tiles" / "colon5"
        workspace = build(folder / "workspace", [tiles], options.clusters)
        names = _names(workspace, tiles)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=FLAGS
            )
            server = _serve(workspace, options.port)
            try:
                page = chromium.new_page(viewport=_SIZE)
                page.set_default_timeout(60_000)
                page.goto(f"http://localhost:{options.port}/app?page=explore")
                _label(page, names, options.pictures)
                _open_some(page)
            finally:
                server.terminate()
                server.wait()
                chromium.close()
        print(f"named or artefacts in the ledger: {_done(workspace)} of {options.clusters}")
    finally:
        shutil.rmtree(folder)


def _names(workspace: Workspace, tiles: Path) -> dict[int, str]:
    """Cluster to the label of most of its tiles, "" where none makes up a third."""
    with (tiles / "labels.csv").open() as stream:
        label_of = {Path(row["file"]).name: row["label"] for row in csv.DictReader(stream)}
    clustering: Clustering = open_clustering(workspace, RUN)
    stored = clustering.store.rows(np.arange(len(clustering.labels)), ["name"])["name"].to_pylist()
    files = [Path(name).name for name in stored]
    found = {}
    for cluster in clustering.ids.tolist():
        counts = Counter(label_of.get(files[tile], "") for tile in clustering.members(cluster).tolist())
        name, n = counts.most_common(1)[0]
        found[cluster] = name.replace("_", " ") if n >= _THIRD * counts.total() else ""
    return found


def _label(page: Page, names: dict[int, str], pictures: Path | None) -> None:
    """Name every cluster; print what it took."""
    page.wait_for_function(STANDS, arg=["not", ""])
    page.locator(".ts-bench .mid").focus()
    strokes, seconds, keys = 0, [], dict[str, str]()
    for turn in range(len(names)):
        if pictures is not None and turn in (0, len(names) // 2):
            _shot(page, pictures, "start" if turn == 0 else "middle")
        cluster = str(page.locator(".ts-bench .gal").get_attribute("data-of"))
        name = names[int(cluster)]
        presses = ["a"] if not name else [keys[name]] if name in keys else ["n", *name, "Enter"]
        if name and name not in keys:
            keys[name] = str(len(keys) + 1)
        for key in presses[:-1]:
            page.keyboard.press("Space" if key == " " else key)
        began = time.perf_counter()
        page.keyboard.press(presses[-1])
        if turn < len(names) - 1:
            page.wait_for_function(STANDS, arg=["not", cluster])
            seconds.append(time.perf_counter() - began)
        strokes += len(presses)
    page.get_by_text("Every cluster has a name").wait_for()
    page.locator(".ts-bench[data-pending='0']").wait_for()
    if pictures is not None:
        _shot(page, pictures, "end")
    slow = sorted(seconds)[int(0.95 * len(seconds))]
    print(f"{strokes} keystrokes for {len(names)} clusters, {len(keys)} names")
    print(
        f"save and next, until its pictures stand: median {1000 * statistics.median(seconds):.0f} ms, 95 % "
        f"{1000 * slow:.0f} ms"
    )


def _open_some(page: Page, n: int = 15) -> None:
    """Open clusters from the list by keys; print how long their galleries take."""
    page.locator(".ts-bench .list").focus()
    page.keyboard.press("Home")
    page.wait_for_function(STANDS, arg=["not", ""])
    seconds = []
    for _ in range(n):
        cluster = str(page.locator(".ts-bench .gal").get_attribute("data-of"))
        began = time.perf_counter()
        page.keyboard.press("ArrowDown")
        page.wait_for_function(STANDS, arg=["not", cluster])
        seconds.append(time.perf_counter() - began)
    print(f"opening a cluster: median {1000 * statistics.median(seconds):.0f} ms, slowest {1000 * max(seconds):.0f} ms")


def _done(workspace: Workspace) -> int:
    state = state_of(workspace, RUN)
    return len({*state.names, *(cluster for cluster, mark in state.marks.items() if mark == "artefact")})


def _shot(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.locator(".ts-map[data-ready]").wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / f"labelling-{name}.jpg", type="jpeg", quality=85)


def _serve(workspace: Workspace, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tessera", "serve", "--port", str(port), "--workspace", str(workspace.root)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    for line in server.stderr:
        if "app running at" in line:
            return server
    raise SystemExit("the dashboard did not start")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=40)
    parser.add_argument("--port", type=int, default=5067)
    parser.add_argument("--pictures", type=Path, default=None, help="folder for pictures of start, middle and end")
    return parser.parse_args()


if __name__ == "__main__":
    main()
