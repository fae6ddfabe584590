"""The table of clusters: sortable, one contact sheet a row; a click opens a cluster, the name is edited in place."""

from __future__ import annotations

from typing import Any

import pandas as pd
import panel as pn

from app.state import Store
from core.curate.decisions import name_cluster
from core.errors import TesseraError
from core.explore.clusters import cluster_table
from core.explore.palette import colour

_TITLES = {
    "tiles": "Typical tiles", "cluster": "No.", "name": "Name", "size": "Tiles", "compactness": "Spread", "stability": "Stability",
    "n_slides": "Slides", "top_slide_share": "Biggest slide",
}  # fmt: skip
_TIPS = {
    "compactness": "mean distance to the centre: small = alike",
    "stability": "overlap with the same cluster one interval before: 1 = unchanged",
    "top_slide_share": "share that comes from one slide: near 100 % may be stain, not tissue",
}


class ClusterList(pn.viewable.Viewer):
    """Clusters of the last clustering."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        # built when there are rows: Tabulator raises in the browser when an empty, hidden table gets its first data
        self._box = pn.Column(sizing_mode="stretch_width")
        self._table: pn.widgets.Tabulator | None = None
        store.param.watch(lambda _: self._draw(), ["shown", "names_version"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._box

    def _draw(self) -> None:
        rows = self._rows()
        if rows is None:
            self._box.objects, self._table = [], None
        elif self._table is None:
            self._table = self._build(rows)
            self._box.objects = [self._table]
        else:
            self._table.value = rows

    def _build(self, rows: pd.DataFrame) -> pn.widgets.Tabulator:
        table = pn.widgets.Tabulator(
            rows, show_index=False, titles=_TITLES, formatters={"tiles": {"type": "html"}},
            editors={name: {"type": "input"} if name == "name" else None for name in _TITLES}, header_tooltips=_TIPS,
            pagination="local", page_size=6, layout="fit_data_stretch", height=490, sizing_mode="stretch_width",
            selectable=1, css_classes=["ts-clusters"], row_height=62, text_align={"name": "left"},
        )  # fmt: skip
        table.on_click(self._clicked)
        table.on_edit(self._edited)
        return table

    def _rows(self) -> pd.DataFrame | None:
        view = self._store.view()
        if view is None:
            return None
        table = cluster_table(view)
        named = self._store.names()
        table["name"] = [named.get(int(cluster), "") for cluster in table["cluster"]]
        table["tiles"] = [
            f"<img loading='lazy' height=52 style='border-left:6px solid {colour(int(cluster))};border-radius:3px' "
            f"src='sheet/{view.run}/{view.interval}/{cluster}' alt='cluster {cluster}'>"
            for cluster in table["cluster"]
        ]
        for column in ("compactness", "stability", "top_slide_share"):
            table[column] = table[column].astype(float).round(2)
        return table[list(_TITLES)]

    def _clicked(self, event: Any) -> None:
        if event.column != "name" and self._table is not None:
            self._store.cluster = int(self._table.value["cluster"].iloc[event.row])

    def _edited(self, event: Any) -> None:
        if event.column != "name":
            return
        view = self._store.view()
        if view is None or self._table is None:
            return
        cluster = int(self._table.value["cluster"].iloc[event.row])
        try:
            name_cluster(
                self._store.workspace,
                view.run,
                view.interval,
                cluster,
                str(event.value or ""),
                author=self._store.author,
            )
        except TesseraError as error:
            pn.state.notifications.error(str(error))
        self._store.poll()
