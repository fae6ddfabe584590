"""Explore page: the map, the clusters, tiles of one cluster, where they lie on the slide, and its name."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.explore.clustering import Clustering

from tessera_app.components.map_colours import MapColours
from tessera_app.components.panel import EmbeddingMap
from tessera_app.page import alarm, empty, html, term, wrap
from tessera_app.pages.explore.cluster_list import ClusterList
from tessera_app.pages.explore.cluster_panel import ClusterPanel
from tessera_app.pages.explore.tile_context import TileContext
from tessera_app.store import Store

_NONE = "Start a run on the Run page. Its first clusters appear here after its first look at all tiles."


class ExplorePage(pn.viewable.Viewer):
    """Linked views of one clustering."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._head = html()
        self._interval = pmui.IntSlider(
            label="clustering",
            start=0,
            end=1,
            value=0,
            width=260,
            size="small",
            css_classes=["ts-interval"],
            visible=False,
        )
        self._interval.param.watch(self._choose_interval, "value_throttled")
        self._map = EmbeddingMap(
            sizing_mode="stretch_width", height=510, margin=(5, 10), css_classes=["ts-map-pane"], dark=store.param.dark
        )
        self._colours = MapColours(store, self._map)
        self._map.param.watch(lambda event: self._pick(event.new), "picked")
        self._make_map = pmui.Button(label="Make the map", variant="contained", css_classes=["ts-make-map"])
        self._make_map.on_click(self._start_map)
        self._map_note = html()
        self._opened = ClusterPanel(store, self._map)
        self._list = ClusterList(store)
        self._selections = pmui.Select(
            label="saved selections",
            options={"none": 0},
            value=0,
            size="small",
            width=220,
            visible=False,
            css_classes=["ts-selections"],
        )
        self._selections.param.watch(self._choose_selection, "value")
        store.param.watch(lambda *_: self._draw(), ["shown", "activities", "failures", "names_version"])
        store.param.watch(lambda *_: self._mark_cluster(), "cluster")
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        left = pn.Column(
            self._map,
            self._map_note,
            self._make_map,
            sizing_mode="stretch_width",
            min_width=380,
            styles={"flex": "1 1 0"},
        )
        right = pn.Column(self._list, sizing_mode="stretch_width", min_width=480, styles={"flex": "1.6 1 0"})
        upper = pn.Row(left, pn.Spacer(width=24), right, sizing_mode="stretch_width")
        lower = pn.Row(
            pn.Column(self._opened, sizing_mode="stretch_width", min_width=480),
            pn.Spacer(width=28),
            TileContext(self._store),
            sizing_mode="stretch_width",
        )
        head = pn.Row(self._head, self._selections, self._interval, sizing_mode="stretch_width")
        return pn.Column(head, upper, lower, sizing_mode="stretch_width")

    def _draw(self) -> None:
        run, interval, _ = self._store.shown
        last = self._store.current.interval if self._store.current is not None else -1
        clustering = self._store.clustering()
        self._interval.param.update(start=0, end=max(last, 1), value=max(interval, 0), visible=last > 0)
        self._draw_map_note()
        if clustering is None:
            self._head.object = wrap(empty("No clusters yet", _NONE))
            self._map.visible = False
            return
        self._head.object = wrap(
            f"<h2>{escape(run)}</h2><p class='quiet'>Clustering {interval}{' of ' + str(last) if interval < last else ', the last'}: "
            f"{len(clustering.labels):,} tiles in {len(clustering.ids):,} {term('cluster', 'clusters')}. Each point of the map is a tile; near means alike. "
            "Click a point, or draw a lasso around some.</p>"
        )
        self._open_a_real_cluster(clustering)
        self._offer_selections()
        mapped = self._store.mapped()
        self._map.visible = mapped is not None
        if mapped is not None:
            self._map.param.update(
                url=f"points/{run}/{interval}/{mapped}?v={self._store.current.id}-{self._store.edits()}",
                highlight=self._store.cluster,
            )
            self._colours.draw()

    def _draw_map_note(self) -> None:
        run, interval, maps = self._store.shown
        last = self._store.current.interval if self._store.current is not None else -1
        making = [item for item in self._store.activities if item.kind == "map" and item.run == run]
        failed = [item for item in self._store.failures if item.kind == "map" and item.run == run]
        self._make_map.visible = last >= 0 and last not in maps
        self._make_map.disabled = bool(making)
        note = ""
        if making:
            note = "<p class='quiet'>The map is being made; it appears here by itself.</p>"
        elif last >= 0 and last not in maps:
            note = alarm(f"The map could not be made: {failed[0].message}") if failed else ""
            if maps:
                note += f"<p class='quiet'>Points lie as on the map of clustering {self._store.mapped()}; the last clustering has none yet.</p>"
            else:
                note += empty("No map yet", "It places every tile so that tiles that look alike lie together (UMAP).")
        elif interval not in maps:
            note = f"<p class='quiet'>Points lie as on the map of clustering {self._store.mapped()}, in the clusters of {interval}.</p>"
        self._map_note.object = wrap(note)

    def _start_map(self, _: Any) -> None:
        # disabled until the activity is seen, so that two clicks make one map
        self._make_map.disabled = self._store.start("project", self._store.run)

    def _open_a_real_cluster(self, clustering: Clustering) -> None:
        """The one that took the open one in, or else the largest, when the open one is not there (any more)."""
        if self._store.cluster not in clustering.ids and len(clustering.ids):
            taken_in_by = self._store.decided().merged.get(self._store.cluster, -1)
            self._store.cluster = (
                taken_in_by if taken_in_by in clustering.ids else int(clustering.ids[clustering.sizes.argmax()])
            )

    def _mark_cluster(self) -> None:
        clustering = self._store.clustering()
        if clustering is not None:
            self._open_a_real_cluster(clustering)  # the address is read again when the browser connects
        self._map.highlight = self._store.cluster

    def _offer_selections(self) -> None:
        found = self._store.decided().selections
        options = {"none": 0, **{selection.name: selection.decision for selection in found}}
        if self._selections.options != options:
            self._selections.options = options
        self._selections.visible = bool(found)

    def _choose_selection(self, event: Any) -> None:
        """Draw a saved lasso again; it holds on the map that it was drawn on."""
        found = [s for s in self._store.decided().selections if s.decision == event.new]
        if found and found[0].map_interval != self._store.mapped():
            pn.state.notifications.warning(
                f"{found[0].name} was drawn on the map of clustering {found[0].map_interval}"
            )
        self._map.polygon = [list(corner) for corner in found[0].polygon] if found else []

    def _choose_interval(self, event: Any) -> None:
        last = self._store.current.interval if self._store.current is not None else -1
        self._store.interval = -1 if event.new == last else event.new

    def _pick(self, tile: int) -> None:
        clustering = self._store.clustering()
        if clustering is not None and 0 <= tile < len(clustering.labels):
            self._store.param.update(tile=tile, cluster=int(clustering.labels[tile]))
