"""Front-end components: one bundle each, wrapped for Panel. `tessera_app.components.jupyter` wraps the same bundles as ipywidgets."""

from __future__ import annotations

from pathlib import Path

import param
from panel.custom import AnyWidgetComponent

DIST = Path(__file__).parents[1] / "frontend" / "dist"


class _Tiles(AnyWidgetComponent):
    """What all components that show tiles share."""

    tile_url = param.String("t/", doc="address of a tile without its number; empty asks Python through `wanted`")
    picked = param.Integer(-1, doc="tile that was clicked")
    wanted = param.List([], doc="tiles whose pictures the browser asks for")
    images = param.Dict({}, doc="their pictures, number to data URL")

    __abstract = True


class EmbeddingMap(_Tiles):
    """Scatter of all tiles; see frontend/src/embedding_map.js."""

    url = param.String(doc="relative address of the points")
    data = param.Bytes(b"", doc="the points themselves, where there is no address")
    ids = param.List(doc="cluster ids in the order of colours")
    colours = param.List(doc="#rrggbb of each id")
    labels = param.List([], doc="name of each id, shown on hover")
    highlight = param.Integer(-1, doc="cluster that keeps its colour, -1 = all")
    polygon = param.List([], doc="lasso in map coordinates")
    height_px = param.Integer(500, doc="height")
    point_size = param.Number(4, doc="diameter of a point, px")
    most = param.Integer(
        50_000,
        doc="points drawn at a time; of more in sight a fair sample, of the highlighted cluster up to half of them",
    )
    dark = param.Boolean(False, doc="whether the page is dark")

    _esm = DIST / "embedding_map.js"


class TileGallery(_Tiles):
    """Rows of tiles; see frontend/src/tile_gallery.js."""

    rows = param.List([], doc="dicts of title, help and ids")
    chosen = param.List([], doc="tiles that were chosen to do something with")
    side_px = param.Integer(128, doc="largest shown size of a tile")

    _esm = DIST / "tile_gallery.js"


class SlideViewer(_Tiles):
    """A slide to move about in, with its clusters over it; see frontend/src/slide_viewer.js."""

    slide = param.Dict({}, doc="what is shown, see tessera_app.pages.slide.facts.SlideFacts.about; no id = nothing")
    cells_url = param.String("", doc="relative address of its clusters and tiles, empty = none")
    cells = param.Bytes(b"", doc="the same, where there is no address")
    ids = param.List([], doc="cluster ids in the order of colours")
    colours = param.List([], doc="#rrggbb of each id")
    labels = param.List([], doc="name of each id, shown on hover")
    hidden = param.List([], doc="clusters that are not painted")
    opacity = param.Number(0.5, bounds=(0, 1), doc="how strongly clusters are painted")
    goto = param.Dict({}, doc="slide: id, box: x, y, width, height to show, slide pixels")
    seen = param.Dict({}, doc="slide and box that somebody moved to, slide width = 1")
    failed = param.Integer(0, doc="grows when a part of the slide could not be read")
    pieces_wanted = param.Dict({}, doc="names of slide tiles that the browser asks for, where there is no address")
    pieces = param.Dict({}, doc="their pictures, name to data URL")
    height_px = param.Integer(680, doc="height")

    _esm = DIST / "slide_viewer.js"


class ClusterSwitches(AnyWidgetComponent):
    """Clusters of a slide with a switch each; see frontend/src/cluster_switches.js."""

    rows = param.List([], doc="dicts of id, name, colour and n, the number of tiles")
    hidden = param.List([], doc="clusters that are switched off")
    chosen = param.Integer(-1, doc="cluster that is open")
    height_px = param.Integer(480, doc="largest height of the list")

    _esm = DIST / "cluster_switches.js"
