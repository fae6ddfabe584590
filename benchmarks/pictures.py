"""The pictures of the README: every page of a workspace as Chromium shows it.

make pictures                                     # of the demo, which is made first if it is not there
python benchmarks/pictures.py --workspace DIR --to FOLDER [--width 1920]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
WAIT_MS = 60_000
# Pictures live in shadow roots, so walk through these too.
_LOADED = """() => {
  const all = root => [...root.querySelectorAll("*")].flatMap(n => [n, ...(n.shadowRoot ? all(n.shadowRoot) : [])]);
  const inSight = n => { const r = n.getBoundingClientRect();
    return n.checkVisibility() && r.width && r.bottom > 0 && r.top < innerHeight; };
  return all(document).filter(n => n.tagName === "IMG" && inSight(n)).every(n => n.complete && n.naturalWidth);
}"""


def main() -> None:
    options = _options()
    tessera = [sys.executable, "-m", "tessera"]
    words = ["--workspace", str(options.workspace)]
    subprocess.run([*tessera, "demo", "--no-serve", *words], check=True)
    options.to.mkdir(parents=True, exist_ok=True)
    server = subprocess.Popen(
        [*tessera, "serve", "--port", str(options.port), *words], stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for(server)
        with sync_playwright() as playwright:
            chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": options.width, "height": options.height})
            _take(page, f"http://localhost:{options.port}/app", options.to)
            browser.close()
    finally:
        server.terminate()
        server.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("demo-workspace"))
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--port", type=int, default=5055)
    return parser.parse_args()


def _wait_for(server: subprocess.Popen[str]) -> None:
    assert server.stderr is not None
    for line in server.stderr:
        if "app running at" in line:
            return
    raise SystemExit("the dashboard did not start")


def _take(page: Page, address: str, folder: Path) -> None:
    def shot(name: str) -> None:
        page.wait_for_load_state("networkidle")
        page.evaluate("window.scrollTo(0, 0)")
        page.wait_for_function(_LOADED, timeout=WAIT_MS)
        page.screenshot(path=folder / f"{name}.jpg", type="jpeg", quality=88, full_page=False)
        print(folder / f"{name}.jpg")

    page.goto(f"{address}?page=0")
    page.locator(".card .badge").first.wait_for(timeout=WAIT_MS)
    shot("cohort")
    page.goto(f"{address}?page=1")
    page.locator(".ts-status .numbers").wait_for(timeout=WAIT_MS)
    shot("run")
    page.goto(f"{address}?page=2")
    page.locator(".ts-map[data-ready]").wait_for(timeout=WAIT_MS)
    page.locator(".ts-bench .gal[data-ready]").wait_for(timeout=WAIT_MS)
    page.locator(".ts-bench .ts-slide-viewer[data-ready]").wait_for(timeout=WAIT_MS)
    shot("explore")
    page.goto(f"{address}?page=3")
    page.locator(".ts-slide-viewer[data-ready]").wait_for(timeout=WAIT_MS)
    shot("slide")
    page.goto(f"{address}?page=4")
    page.locator(".ts-propose button").wait_for()
    shot("review")
    page.goto(f"{address}?page=5")
    page.locator(".ts-plan, .empty").first.wait_for(timeout=WAIT_MS)
    shot("export")


if __name__ == "__main__":
    main()
