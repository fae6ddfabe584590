"""The slide viewer as an ipywidget, for notebooks: a kernel has no routes, so parts of the slide come as data URLs."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.explore.slide_map import cells_file
from tessera.workspace.folder import Workspace

from tessera_app.components.jupyter import TilesMixin, given_looks
from tessera_app.components.map_colours import properties
from tessera_app.components.properties import SLIDE_VIEWER, widget_class
from tessera_app.http.slide_routes import tile_jpeg
from tessera_app.pages.slide.facts import around, read_slide

_NAME = re.compile(r"(\d+)/(\d+)/(\d+)_(\d+)")
_MAX_ASKED = 64


_Viewer: Any = widget_class("SlideViewerTraits", "slide_viewer", SLIDE_VIEWER, height_px=560)


class SlideViewerWidget(TilesMixin, _Viewer):
    """A slide with its clusters.

    `picked` is the tile that was clicked, `hidden` names clusters that are not painted.
    """

    def __init__(self, clustering: Clustering, **traits: Any) -> None:
        super().__init__(clustering, **traits)
        self.observe(self._answer_pieces, "pieces_wanted")

    def show_tile(self, tile: int) -> None:
        """Mark a tile and go to it."""
        self.picked = tile
        self.goto = around(self._clustering, tile)

    def _answer_pieces(self, change: Any) -> None:
        names = [str(name) for name in change["new"].get("names", [])][:_MAX_ASKED]
        self.pieces = {name: _piece(self._clustering.workspace.root, name) for name in names}


def slide_viewer(clustering: Clustering, slide: int, names: dict[int, str] | None = None) -> SlideViewerWidget:
    """A slide and its clusters as an ipywidget.

    Raises:
        TesseraError: no such slide, or it consists of ready-made tiles.
    """
    facts = read_slide(clustering.workspace, slide, clustering)
    about = {**facts.about, "url": "", "overview": ""}
    if facts.gone:
        about["overview"] = _data_url((clustering.workspace.slide_folder(slide) / "thumbnail.jpg").read_bytes())
    ids = [cluster for cluster, _ in facts.clusters]
    return SlideViewerWidget(
        clustering,
        slide=about,
        cells=cells_file(clustering, slide) if facts.cells_url else b"",
        **properties(given_looks(ids, names or {})),
    )


@lru_cache(maxsize=256)
def _piece(root: Path, name: str) -> str:
    """A part of a slide as data URL; empty when it cannot be read."""
    found = _NAME.fullmatch(name)
    try:
        return _data_url(tile_jpeg(Workspace(root), *map(int, found.groups()))) if found else ""
    except (TesseraError, ValueError):
        return ""


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
