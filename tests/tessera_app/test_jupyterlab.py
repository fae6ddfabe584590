"""The dashboard's components as ipywidgets in a real JupyterLab without a network.

They draw, and what is clicked reaches Python.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.tessera.planted import RUN, Planted
from tests.tessera_app.conftest import PATIENCE_MS

TOKEN = "tessera"
CELLS = """
from pathlib import Path
from tessera_app.components.jupyter import cluster_gallery, embedding_map
from tessera.explore.clustering import open_clustering
from tessera.workspace.folder import Workspace
view = open_clustering(Workspace.open(Path({root!r})), {run!r})
points = embedding_map(view, {{0: "stroma"}})
points
---
gallery = cluster_gallery(view, 0, per_row=4)
gallery
---
print("picked", gallery.picked)
"""


@pytest.fixture
def lab(tmp_path: Path, planted: Planted) -> Iterator[str]:
    """JupyterLab with a notebook that shows the map and a gallery; gives the notebook's address."""
    planted.workspace.run_folder(RUN).save_projection(
        2, np.random.default_rng(0).uniform(-1, 1, (planted.n, 2)).astype(np.float32)
    )
    cells = CELLS.format(root=str(planted.workspace.root), run=RUN).split("---\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "widgets.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    own = {
        name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    }
    with (tmp_path / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *words],
            stdout=log,
            stderr=log,
            env={**os.environ, **own},
            cwd=tmp_path,
        )
    address = f"http://localhost:{port}"
    try:
        wait_for(f"{address}/api?token={TOKEN}", server, tmp_path / "lab.log")
        yield f"{address}/lab/tree/widgets.ipynb?token={TOKEN}"
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE_MS / 1000)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            continue
        return


@pytest.mark.browser
def test_widgets_draw_in_jupyterlab_and_answer(offline_page: Any, lab: str) -> None:
    page = offline_page
    page.goto(lab)
    page.locator(".jp-CodeCell .cm-content").first.click()
    for _ in range(3):
        page.keyboard.press("Shift+Enter")
    page.locator(".ts-map[data-ready]").wait_for()
    pictures = page.locator(".ts-gallery button.ts-tile img")
    pictures.first.wait_for()
    assert pictures.first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.screenshot(path=Path(__file__).resolve().parents[2] / "build" / "screenshots" / "9-jupyterlab.png")
    expect(page.get_by_text("picked -1")).to_be_visible()
    page.locator(".ts-gallery button.ts-tile").first.click()
    page.locator(".jp-CodeCell .cm-content").nth(2).click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("picked -1")).to_have_count(0)
    expect(page.locator(".jp-OutputArea-output", has_text="picked")).to_be_visible()
