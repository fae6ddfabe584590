"""The dashboard's components as ipywidgets, for notebooks: the same bundles, tiles sent as data instead of by HTTP."""

from __future__ import annotations

import base64
from typing import Any

import anywidget
import traitlets

from app.components import DIST
from core.explore.palette import colour
from core.explore.projection import points_file
from core.explore.representatives import pick
from core.explore.view import View

_MAX_SENT = 400


class _MapWidget(anywidget.AnyWidget):
    _esm = DIST / "embedding_map.js"
    url = traitlets.Unicode("").tag(sync=True)
    ids = traitlets.List([]).tag(sync=True)
    colours = traitlets.List([]).tag(sync=True)
    highlight = traitlets.Int(-1).tag(sync=True)
    tile_url = traitlets.Unicode("").tag(sync=True)
    picked = traitlets.Int(-1).tag(sync=True)
    polygon = traitlets.List([]).tag(sync=True)
    height_px = traitlets.Int(480).tag(sync=True)
    point_size = traitlets.Float(5).tag(sync=True)


class _GalleryWidget(anywidget.AnyWidget):
    _esm = DIST / "tile_gallery.js"
    rows = traitlets.List([]).tag(sync=True)
    tile_url = traitlets.Unicode("").tag(sync=True)
    images = traitlets.Dict({}).tag(sync=True)
    side_px = traitlets.Int(92).tag(sync=True)
    picked = traitlets.Int(-1).tag(sync=True)


def embedding_map(view: View) -> anywidget.AnyWidget:
    """The map of a clustering as an ipywidget; `picked` and `polygon` follow the mouse.

    Raises:
        RunError: the clustering has no map yet (see `core.explore.projection.project`).
    """
    xy = view.workspace.run_folder(view.run).projection(view.interval)
    data = base64.b64encode(points_file(view, xy)).decode()
    ids = view.ids.tolist()
    url = f"data:application/octet-stream;base64,{data}"
    return _MapWidget(url=url, ids=ids, colours=[colour(i) for i in ids])


def cluster_gallery(view: View, cluster: int, per_row: int = 12) -> anywidget.AnyWidget:
    """Typical, middle and edge tiles of a cluster as an ipywidget; `picked` is the tile that was clicked."""
    chosen = pick(view, cluster, min(per_row, _MAX_SENT // 3))
    rows: list[dict[str, Any]] = []
    images: dict[str, str] = {}
    for title in ("typical", "middle", "edge"):
        ids = getattr(chosen, title)
        rows.append({"title": title, "help": "", "ids": ids.tolist()})
        for tile, jpeg in zip(ids.tolist(), view.store.batch(ids), strict=True):
            images[str(tile)] = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return _GalleryWidget(rows=rows, images=images)
