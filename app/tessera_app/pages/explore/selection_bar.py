"""What can be done with chosen tiles, or with all tiles inside a lasso: take out, move, keep the lasso as a selection."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import panel as pn
import panel_material_ui as pmui
from tessera.curate.decisions.decide import exclude_tiles, move_tiles, save_selection
from tessera.explore.clustering import Clustering
from tessera.explore.neighbours import Similar, similar_to_tiles
from tessera.explore.projection import inside_polygon

from tessera_app.components.panel import EmbeddingMap, TileGallery
from tessera_app.decider import Decider
from tessera_app.latest import Latest
from tessera_app.page import alarm, html, wrap
from tessera_app.store import Store

_ALIKE, _SIMILAR = "Similar tiles", 24
_HINT = "Ctrl-click tiles, or press X on one, to choose several."

_NOWHERE = -1


class SelectionBar(pn.viewable.Viewer):
    """A bar that is there while tiles are chosen or a lasso is drawn."""

    def __init__(self, store: Store, gallery: TileGallery, points: EmbeddingMap, **params: Any) -> None:
        super().__init__(**params)
        self._store, self._gallery, self._points = store, gallery, points
        self._count, self._said = html(sizing_mode=None), html()
        self._decider = Decider(store, self._said)
        small: dict[str, Any] = {"size": "small", "variant": "outlined"}
        self._similar = pmui.Button(label="Find similar", css_classes=["ts-similar"], **small)
        self._similar.on_click(lambda _: self._find_similar())
        self._looks = Latest(lambda text: setattr(self._said, "object", wrap(alarm(text))))
        self._exclude = pmui.Button(label="Remove", css_classes=["ts-exclude"], **small)
        self._target = pmui.Select(label="move to", options={}, size="small", width=190, css_classes=["ts-move-to"])
        self._move = pmui.Button(label="Move", css_classes=["ts-move"], **small)
        self._name = pmui.TextInput(
            label="name of the selection", size="small", width=190, css_classes=["ts-selection"]
        )
        self._save = pmui.Button(label="Keep selection", css_classes=["ts-keep-selection"], **small)
        self._clear = pmui.Button(
            label="Clear", css_classes=["ts-clear-chosen", "ts-clear-lasso"], size="small", variant="text"
        )
        self._exclude.on_click(self._take_out)
        self._move.on_click(self._moved)
        self._save.on_click(self._keep)
        self._clear.on_click(lambda _: self._let_go())
        self._box = pn.FlexBox(
            self._count,
            self._similar,
            self._exclude,
            self._target,
            self._move,
            self._name,
            self._save,
            self._clear,
            visible=False,
            align_items="center",
            gap="6px",
            margin=(4, 10),
            css_classes=["ts-chosen"],
            styles={
                "background": "color-mix(in srgb, var(--panel-primary-color) 9%, transparent)",
                "border-radius": "10px",
                "padding": "2px 10px",
            },
        )
        gallery.param.watch(lambda *_: self._draw(), "chosen")
        points.param.watch(lambda *_: self._draw(), "polygon")
        store.param.watch(lambda *_: self._draw(), ["names_version", "shown"])
        store.param.watch(lambda *_: self._elsewhere(), ["cluster", "shown"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(self._box, self._said, sizing_mode="stretch_width")

    def _draw(self) -> None:
        clustering, n, lasso = self._store.clustering(), len(self._gallery.chosen), len(self._points.polygon) >= 3
        self._box.visible = clustering is not None and (n > 0 or lasso)
        self._similar.visible = n > 0
        self._name.visible = self._save.visible = lasso and not n
        text = f"<b>{n} {'tile' if n == 1 else 'tiles'} chosen</b>" if n else "<b>All tiles inside the lasso</b>"
        self._count.object = wrap(text)
        if clustering is not None and self._box.visible:
            decided = self._store.decided()
            titles = {decided.label(i): i for i in clustering.ids.tolist() if i != self._store.cluster}
            self._target.options = {"choose a cluster": _NOWHERE, **titles}

    def _tiles(self, clustering: Clustering) -> npt.NDArray[np.int64]:
        """The tiles that are meant; called in a thread, since a lasso may hold millions."""
        if self._gallery.chosen:
            return np.asarray(self._gallery.chosen, np.int64)
        mapped = self._store.mapped()
        if mapped is None:
            return np.empty(0, np.int64)
        xy = clustering.workspace.run_folder(clustering.run).projection(mapped)
        return inside_polygon(xy, np.asarray(self._points.polygon, np.float64))

    async def _take_out(self, _: Any) -> None:
        def decide(clustering: Clustering, author: str) -> None:
            exclude_tiles(
                clustering.workspace, clustering.run, clustering.interval, self._tiles(clustering), author=author
            )

        if await self._decider.do(decide, "Removed: they are in no cluster and no export. Undo brings them back."):
            self._let_go()

    async def _moved(self, _: Any) -> None:
        target = self._target.value
        if target in (None, _NOWHERE):
            self._said.object = wrap(alarm("choose the cluster that the tiles belong to"))
            return

        def decide(clustering: Clustering, author: str) -> None:
            move_tiles(
                clustering.workspace,
                clustering.run,
                clustering.interval,
                self._tiles(clustering),
                to=int(target),
                author=author,
            )

        if await self._decider.do(decide, f"Moved to {self._store.title(int(target))}. Undo brings them back."):
            self._let_go()

    async def _keep(self, _: Any) -> None:
        name, polygon, mapped = self._name.value_input or self._name.value, self._points.polygon, self._store.mapped()
        if mapped is None:
            return

        def decide(clustering: Clustering, author: str) -> None:
            save_selection(clustering.workspace, clustering.run, mapped, polygon, name or "", author=author)

        await self._decider.do(decide, "Kept. Choose it again above the map, from any browser.")

    def _find_similar(self) -> None:
        clustering, chosen = self._store.clustering(), list(self._gallery.chosen)
        if clustering is not None and chosen:
            self._looks.load(lambda: similar_to_tiles(clustering, chosen, _SIMILAR), self._show_similar)

    def _show_similar(self, found: Similar) -> None:
        row = {"title": _ALIKE, "help": "nearest to the chosen tiles, from any cluster", "ids": found.tiles.tolist()}
        self._gallery.rows = [row, *(other for other in self._gallery.rows if other["title"] != _ALIKE)]

    def _elsewhere(self) -> None:
        """Another cluster or clustering is looked at: nothing is chosen there, and nothing was said of it."""
        self._gallery.chosen = []
        self._decider.clear()

    def _let_go(self) -> None:
        self._gallery.chosen = []
        if self._points.polygon:
            self._points.polygon = []


def hint() -> str:
    """How tiles are chosen."""
    return f"<p class='quiet'>{_HINT}</p>"
