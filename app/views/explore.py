"""Explore page: the map, the clusters, tiles of one cluster, where they lie on the slide, and its name."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from app.components import EmbeddingMap, TileGallery
from app.page import empty, html, wrap
from app.state import Store
from app.views.cluster_list import ClusterList
from app.views.naming import Naming
from app.views.where import Where
from core.background import start_command
from core.explore.palette import colour
from core.explore.projection import inside_polygon
from core.explore.representatives import pick

_ROWS = (
    ("typical", "Typical", "nearest to the centre of the cluster"),
    ("middle", "Middle", "half of the cluster's tiles are nearer to its centre"),
    ("edge", "Edge", "farthest from the centre: where the cluster may be mixed"),
)
_LASSO_TILES = 36


class ExplorePage(pn.viewable.Viewer):
    """Linked views of the last clustering."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._hint = html()
        self._map = EmbeddingMap(sizing_mode="stretch_width", height=570)
        self._make_map = pmui.Button(name="Make the map", size="small", variant="outlined", css_classes=["ts-make-map"])
        self._make_map.on_click(lambda _: start_command(store.workspace, "project", store.run))
        self._gallery = TileGallery(sizing_mode="stretch_width")
        self._gallery_title = html()
        self._list = ClusterList(store)
        self._map.param.watch(lambda event: self._pick(event.new), "picked")
        self._map.param.watch(lambda event: self._lasso(event.new), "polygon")
        self._gallery.param.watch(lambda event: self._mark(event.new), "picked")
        store.param.watch(lambda _: self._draw(), "shown")
        store.param.watch(lambda _: self._open(), ["cluster", "names_version"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        left = pn.Column(self._make_map, self._map, Where(self._store), sizing_mode="stretch_width", min_width=420)
        right = pn.Column(
            self._list,
            Naming(self._store),
            self._gallery_title,
            self._gallery,
            sizing_mode="stretch_width",
            min_width=480,
        )
        return pn.Column(self._hint, pn.Row(left, pn.Spacer(width=20), right, sizing_mode="stretch_width"))

    def _draw(self) -> None:
        view = self._store.view()
        maps = self._store.shown[2] if self._store.shown else ()
        self._map.visible = view is not None and bool(maps)
        self._make_map.visible = view is not None and view.interval not in maps
        if view is None:
            self._hint.object = wrap(
                empty("No clusters yet", "Start a run; its first clusters appear here within its first interval.")
            )
        else:
            self._hint.object = wrap(
                f"<p class='quiet'>{view.run}, clustering {view.interval}: {len(view.labels):,} tiles in {len(view.ids)} clusters. "
                "Click a point or a tile to see where it lies; hold and drag on the map's circle to lasso.</p>"
            )
        if view is not None and maps:
            ids = view.ids.tolist()
            self._map.param.update(
                url=f"points/{view.run}/{view.interval}/{maps[-1]}", ids=ids, colours=[colour(i) for i in ids],
                point_size=float(np.clip(220 / len(view.labels) ** 0.5, 1.5, 6)),
            )  # fmt: skip
        if view is not None and self._store.cluster not in view.ids:
            self._store.cluster = int(view.ids[view.sizes.argmax()])
        self._open()

    def _open(self) -> None:
        """Show the tiles of the open cluster."""
        view, cluster = self._store.view(), self._store.cluster
        if view is None or cluster not in view.ids:
            self._gallery.rows = []
            return
        chosen = pick(view, cluster)
        self._gallery.rows = [
            {"title": title, "help": help, "ids": getattr(chosen, name).tolist()} for name, title, help in _ROWS
        ]
        self._map.highlight = cluster
        size = int(view.sizes[view.ids == cluster][0])
        self._gallery_title.object = wrap(
            f"<h3><span style='color:{colour(cluster)}'>●</span> <span class='ts-open-name'>"
            f"{escape(self._store.title(cluster))}</span> · {size:,} tiles</h3>"
        )

    def _pick(self, tile: int) -> None:
        view = self._store.view()
        if view is not None and 0 <= tile < len(view.labels):
            self._store.param.update(tile=tile, cluster=int(view.labels[tile]))

    def _mark(self, tile: int) -> None:
        if tile >= 0:
            self._store.tile = tile

    def _lasso(self, polygon: list[list[float]]) -> None:
        view = self._store.view()
        maps = self._store.shown[2]
        if view is None or not maps or len(polygon) < 3:
            return
        xy = self._store.workspace.run_folder(view.run).projection(maps[-1])
        inside = inside_polygon(xy, np.asarray(polygon))
        sample = (
            inside[np.linspace(0, len(inside) - 1, min(_LASSO_TILES, len(inside))).astype(int)]
            if len(inside)
            else inside
        )
        self._gallery_title.object = wrap(f"<h3>Lasso · {len(inside):,} tiles</h3>")
        self._gallery.rows = [
            {"title": "Inside the lasso", "help": f"{len(sample)} of {len(inside):,}", "ids": sample.tolist()}
        ]
