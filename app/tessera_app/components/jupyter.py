"""The dashboard's components as ipywidgets, for notebooks: the same bundles. A kernel has no routes, so the points come as
data, and pictures of tiles as data URLs: those of a gallery at once, those that are hovered over when they are asked for."""

from __future__ import annotations

import base64
from typing import Any

import anywidget
import numpy as np
import traitlets
from tessera.explore.clustering import Clustering
from tessera.explore.palette import colour
from tessera.explore.projection import points_file
from tessera.explore.representatives import pick

from tessera_app.components.panel import DIST

_MAX_SENT = 400
_ROWS = ("typical", "middle", "edge")


class _TilesWidget(anywidget.AnyWidget):
    """What both components share; `view` answers the browser's questions for pictures."""

    tile_url = traitlets.Unicode("").tag(sync=True)
    picked = traitlets.Int(-1).tag(sync=True)
    wanted = traitlets.List([]).tag(sync=True)
    images = traitlets.Dict({}).tag(sync=True)

    def __init__(self, clustering: Clustering, **traits: Any) -> None:
        super().__init__(**traits)
        self._clustering = clustering
        self.observe(self._answer, "wanted")

    def _answer(self, change: Any) -> None:
        missing = [int(tile) for tile in change["new"][:_MAX_SENT] if str(tile) not in self.images]
        known = [tile for tile in missing if 0 <= tile < len(self._clustering.labels)]
        if known:
            kept = list(self.images.items())[-_MAX_SENT:]
            self.images = {**dict(kept), **pictures(self._clustering, known)}


class EmbeddingMapWidget(_TilesWidget):
    """The map; `polygon` is the lasso, in map coordinates."""

    _esm = DIST / "embedding_map.js"
    url = traitlets.Unicode("").tag(sync=True)
    data = traitlets.Bytes(b"").tag(sync=True)
    ids = traitlets.List([]).tag(sync=True)
    colours = traitlets.List([]).tag(sync=True)
    labels = traitlets.List([]).tag(sync=True)
    highlight = traitlets.Int(-1).tag(sync=True)
    polygon = traitlets.List([]).tag(sync=True)
    height_px = traitlets.Int(480).tag(sync=True)
    point_size = traitlets.Float(5).tag(sync=True)
    most = traitlets.Int(50_000).tag(sync=True)
    dark = traitlets.Bool(False).tag(sync=True)


class TileGalleryWidget(_TilesWidget):
    """Rows of tiles."""

    _esm = DIST / "tile_gallery.js"
    rows = traitlets.List([]).tag(sync=True)
    chosen = traitlets.List([]).tag(sync=True)
    side_px = traitlets.Int(112).tag(sync=True)


def pictures(clustering: Clustering, tiles: list[int]) -> dict[str, str]:
    """Tile number to data URL."""
    jpegs = clustering.store.batch(np.asarray(tiles, np.int64))
    return {
        str(tile): f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
        for tile, jpeg in zip(tiles, jpegs, strict=True)
    }


def embedding_map(clustering: Clustering, names: dict[int, str] | None = None) -> EmbeddingMapWidget:
    """The map of a clustering as an ipywidget; `picked` and `polygon` follow the mouse.

    Raises:
        RunError: the clustering has no map yet (see `tessera.explore.projection.project`).
    """
    xy = clustering.workspace.run_folder(clustering.run).projection(clustering.interval)
    ids = clustering.ids.tolist()
    labels = [(names or {}).get(i) or f"cluster {i}" for i in ids]
    return EmbeddingMapWidget(
        clustering, data=points_file(clustering, xy), ids=ids, colours=[colour(i) for i in ids], labels=labels
    )


def cluster_gallery(clustering: Clustering, cluster: int, per_row: int = 12) -> TileGalleryWidget:
    """Typical, middle and edge tiles of a cluster as an ipywidget; `picked` is the tile that was clicked."""
    chosen = pick(clustering, cluster, min(per_row, _MAX_SENT // len(_ROWS)))
    rows = [{"title": title, "help": "", "ids": getattr(chosen, title).tolist()} for title in _ROWS]
    tiles = sorted({tile for row in rows for tile in row["ids"]})
    return TileGalleryWidget(clustering, rows=rows, images=pictures(clustering, tiles))
