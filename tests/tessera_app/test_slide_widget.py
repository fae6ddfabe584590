"""The notebook's slide viewer: what Python sends and what it answers. A JupyterLab is not opened here."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import simplejpeg
from tessera.explore.clustering import open_clustering
from tessera.explore.slide_map import cells_file, tile_info
from tessera_app.components.jupyter_slide import SlideViewerWidget, slide_viewer
from tessera_app.components.panel import SlideViewer

from tests.tessera.planted import RUN, Planted, copy_of
from tests.tessera_app.pages.test_slide_facts import move_source


def test_parts_of_the_slide_are_sent_when_they_are_asked_for(planted_once: Planted) -> None:
    clustering = open_clustering(planted_once.workspace, RUN)
    widget = slide_viewer(clustering, 1, {0: "fat"})
    assert widget.cells == cells_file(clustering, 1)
    assert widget.labels[widget.ids.index(0)] == "fat"
    for n in (1, 2):  # asked again, answered again
        widget.pieces = {}
        widget.pieces_wanted = {"n": n, "names": ["1/10/0_0", "1/10/99_0", "../../etc"]}
        assert set(widget.pieces) == {"1/10/0_0", "1/10/99_0", "../../etc"}
        assert widget.pieces["1/10/99_0"] == widget.pieces["../../etc"] == ""
        jpeg = base64.b64decode(widget.pieces["1/10/0_0"].removeprefix("data:image/jpeg;base64,"))
        assert simplejpeg.decode_jpeg_header(jpeg)[:2] == (255, 255)
    tile = int(np.flatnonzero(clustering.index.slide == 1)[3])
    widget.show_tile(tile)
    assert widget.picked == tile
    assert widget.goto["slide"] == tile_info(clustering, tile).slide_id


def test_a_slide_that_is_gone_brings_its_overview(planted_once: Planted, tmp_path: Path) -> None:
    workspace = copy_of(planted_once, tmp_path / "copy").workspace
    move_source(workspace, 1, tmp_path / "gone.svs")
    widget = slide_viewer(open_clustering(workspace, RUN), 1)
    assert widget.slide["gone"]
    assert widget.slide["overview"].startswith("data:image/jpeg;base64,")


def test_page_and_notebook_know_the_same_settings() -> None:
    traits = set(SlideViewerWidget.class_trait_names(sync=True))
    params = set(SlideViewer.param.values()) & traits
    for name in (
        "slide",
        "cells_url",
        "cells",
        "ids",
        "colours",
        "labels",
        "hidden",
        "opacity",
        "goto",
        "failed",
        "picked",
        "tile_url",
        "wanted",
        "images",
        "pieces_wanted",
        "pieces",
        "height_px",
    ):
        assert name in params, name
