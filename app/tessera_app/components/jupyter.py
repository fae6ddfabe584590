"""The dashboard's components as ipywidgets, for notebooks: the same bundles. A kernel has no routes, so points come as
data, and pictures of tiles as data URLs: those of a gallery at once, those that are hovered over when they are asked
for.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from tessera.curate.looks import SHAPES, ClusterLooks
from tessera.explore.clustering import Clustering
from tessera.explore.palette import colour, paint_names
from tessera.explore.projection import points_file
from tessera.explore.representatives import pick

from tessera_app.components.properties import EMBEDDING_MAP, TILE_GALLERY, widget_class

_MAX_SENT = 400
_ROWS = ("typical", "middle", "edge")


class TilesMixin:
    """Answers the browser's questions for pictures of tiles; goes before a class that `widget_class` made."""

    def __init__(self, clustering: Clustering, **traits: Any) -> None:
        super().__init__(**traits)
        self._clustering = clustering
        self.observe(self._answer, "wanted")  # type: ignore[attr-defined]

    def _answer(self, change: Any) -> None:
        known = self.images  # type: ignore[has-type]
        missing = [int(tile) for tile in change["new"][:_MAX_SENT] if str(tile) not in known]
        wanted = [tile for tile in missing if 0 <= tile < len(self._clustering.labels)]
        if wanted:
            self.images = {**dict(list(known.items())[-_MAX_SENT:]), **pictures(self._clustering, wanted)}


_Map: Any = widget_class("EmbeddingMapTraits", "embedding_map", EMBEDDING_MAP, height_px=480)
_Gallery: Any = widget_class("TileGalleryTraits", "tile_gallery", TILE_GALLERY, side_px=112)


class EmbeddingMapWidget(TilesMixin, _Map):
    """The map; `polygon` is the lasso, in map coordinates, and `held` what it holds."""


class TileGalleryWidget(TilesMixin, _Gallery):
    """Rows of tiles."""


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
    return EmbeddingMapWidget(clustering, data=points_file(clustering, xy), **vars(given_looks(ids, names or {})))


def given_looks(ids: list[int], names: dict[int, str]) -> ClusterLooks:
    """How clusters are drawn by the names that a notebook gives them; by their numbers where it gives none."""
    paints = paint_names(names.values())
    own = {i: paints[names[i]] for i in ids if names.get(i)}
    return ClusterLooks(
        ids=ids,
        colours=[own[i].colour if i in own else "" if names else colour(i) for i in ids],
        shapes=[SHAPES[own[i].pattern] if i in own else 0 for i in ids],
        names=[names.get(i, "") for i in ids],
        labels=[names.get(i) or f"cluster {i}" for i in ids],
        numbers=[str(i) for i in ids],
    )


def cluster_gallery(clustering: Clustering, cluster: int, per_row: int = 12) -> TileGalleryWidget:
    """Typical, middle and edge tiles of a cluster as an ipywidget; `picked` is the tile that was clicked."""
    chosen = pick(clustering, cluster, min(per_row, _MAX_SENT // len(_ROWS)))
    rows = [{"title": title, "help": "", "ids": getattr(chosen, title).tolist()} for title in _ROWS]
    tiles = sorted({tile for row in rows for tile in row["ids"]})
    return TileGalleryWidget(clustering, rows=rows, images=pictures(clustering, tiles))
