"""Where the marked tile lies: the slide's overview with the clusters over it and a box round the tile."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn

from app.page import html, wrap
from app.state import Store
from app.views.cohort import grid_extent
from core.explore.slide_map import slide_row, tile_info


class Where(pn.viewable.Viewer):
    """Overview of the marked tile's slide."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._body = html(css_classes=["ts-where"])
        store.param.watch(lambda _: self._draw(), ["tile", "shown", "cluster"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._body

    def _draw(self) -> None:
        view, tile = self._store.view(), self._store.tile
        if view is None or not 0 <= tile < len(view.labels):
            self._body.object = wrap("<p class='quiet'>Click a tile to see where on its slide it lies.</p>")
            return
        info = tile_info(view, tile)
        title = (
            f"<h3>Tile {tile:,} of {escape(info.slide)}</h3><p class='quiet'>{escape(self._store.title(int(view.labels[tile])))}"
            f" · x {info.x0:,}, y {info.y0:,} · {info.side_um:.0f} µm wide</p>"
        )
        if not info.width:
            self._body.object = wrap(f"{title}<img src='t/{tile}' width=224 alt='tile {tile}'>")
            return
        box = (
            f"left:{100 * info.x0 / info.width:.3f}%;top:{100 * info.y0 / info.height:.3f}%;"
            f"width:{100 * info.side0 / info.width:.3f}%;height:{100 * info.side0 / info.height:.3f}%"
        )
        over = f"overlay/{view.run}/{view.interval}/{info.slide_id}/{self._store.cluster if self._store.cluster >= 0 else ''}"
        extent = grid_extent(slide_row(view.workspace, info.slide_id))
        self._body.object = wrap(
            f"{title}<div style='display:flex;gap:14px;align-items:flex-start'><div class='where' style='max-width:70%'>"
            f"<img src='thumbnail/{info.slide_id}' alt='overview of the slide'>"
            f"<img class='over' style='{extent}' src='{over}' alt=''><i style='{box}'></i></div>"
            f"<img src='t/{tile}' width=168 style='border-radius:6px' alt='tile {tile}'></div>"
        )
