"""Front-end components: one bundle each, wrapped for Panel. `app.widgets` wraps the same bundles as ipywidgets."""

from __future__ import annotations

from pathlib import Path

import param
from panel.custom import AnyWidgetComponent

DIST = Path(__file__).parent / "frontend" / "dist"


class EmbeddingMap(AnyWidgetComponent):
    """Scatter of all tiles; see frontend/src/embedding_map.js."""

    url = param.String(doc="relative address of the points")
    ids = param.List(doc="cluster ids in the order of colours")
    colours = param.List(doc="#rrggbb of each id")
    highlight = param.Integer(-1, doc="cluster that keeps its colour, -1 = all")
    tile_url = param.String("t/", doc="address of a tile without its number")
    picked = param.Integer(-1, doc="tile that was clicked")
    polygon = param.List(doc="lasso in map coordinates")
    height_px = param.Integer(560, doc="height")
    point_size = param.Number(4, doc="diameter of a point, px")

    _esm = DIST / "embedding_map.js"


class TileGallery(AnyWidgetComponent):
    """Rows of tiles; see frontend/src/tile_gallery.js."""

    rows = param.List(doc="dicts of title, help and ids")
    tile_url = param.String("t/", doc="address of a tile without its number")
    side_px = param.Integer(92, doc="shown size of a tile")
    picked = param.Integer(-1, doc="tile that was clicked")

    _esm = DIST / "tile_gallery.js"
