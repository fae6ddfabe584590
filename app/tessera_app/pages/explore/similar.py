"""The clusters most like the open one, a click away: is this one a part of another?"""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.explore.neighbours import nearest_clusters

from tessera_app.latest import Latest
from tessera_app.page import html, wrap
from tessera_app.store import Store

_SHOWN = 4


class SimilarTiles(pn.viewable.Viewer):
    """A row of buttons that open a cluster each."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._near: list[int] = []
        self._loads = Latest(lambda _: self._show([]))  # without features there is nothing to compare
        self._buttons = [
            pmui.Button(label="", variant="text", size="small", margin=0, visible=False, css_classes=["ts-alike"])
            for _ in range(_SHOWN)
        ]
        for place, button in enumerate(self._buttons):
            button.on_click(lambda _, place=place: self._open(place))
        self._row = pn.FlexBox(
            html(wrap("<p class='quiet'>Most alike:</p>"), sizing_mode=None, margin=(5, 4, 0, 10)),
            *self._buttons,
            align_items="center",
            visible=False,
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._row

    def load(self) -> None:
        """Look for the clusters near the open one."""
        clustering, cluster = self._store.clustering(), self._store.cluster
        if clustering is None or cluster not in clustering.ids:
            self.hide()
        else:
            self._loads.load(lambda: [near for near, _ in nearest_clusters(clustering, cluster, _SHOWN)], self._show)

    def hide(self) -> None:
        """Nothing is open."""
        self._row.visible = False

    def _show(self, near: list[int]) -> None:
        self._near = near
        for button, cluster in zip(self._buttons, near, strict=False):
            button.label = self._store.title(cluster)
        for place, button in enumerate(self._buttons):
            button.visible = place < len(near)
        self._row.visible = bool(near)

    def _open(self, place: int) -> None:
        if place < len(self._near):
            self._store.cluster = self._near[place]
