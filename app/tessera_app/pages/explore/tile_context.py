"""Where the marked tile lies: the tile large with a scale bar, and its slide's overview with the clusters over it."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.explore.clustering import Clustering
from tessera.explore.slide_map import TileInfo, slide_row, tile_info

from tessera_app.latest import Latest
from tessera_app.page import alarm, html, wrap
from tessera_app.pages.cohort.cards import grid_extent
from tessera_app.store import PAGES, Store

_BARS_UM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class TileContext(pn.viewable.Viewer):
    """The marked tile and the overview of its slide."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._body = html(css_classes=["ts-where"], sizing_mode=None, width=400)
        self._open = pmui.Button(
            label="Open on the slide", variant="outlined", size="small", visible=False, css_classes=["ts-open-slide"]
        )
        self._open.on_click(lambda _: self._open_slide())
        self._wide = pmui.Checkbox(
            label="the tile with its surroundings, 3 times as wide",
            value=False,
            size="small",
            visible=False,
            css_classes=["ts-wide"],
        )
        self._wide.param.watch(lambda *_: self._load(), "value")
        self._over = pmui.Checkbox(label="show the clusters on the slide", value=True, size="small", visible=False)
        self._loads = Latest(lambda text: setattr(self._body, "object", wrap(alarm(text))))
        self._over.param.watch(lambda *_: self._load(), "value")
        store.param.watch(lambda *_: self._load(), ["tile", "shown", "cluster", "names_version"])
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(self._body, self._wide, pn.Row(self._over, self._open), width=410)

    def _load(self) -> None:
        clustering, tile, cluster = self._store.clustering(), self._store.tile, self._store.cluster
        over, wide = self._over.value, self._wide.value
        if clustering is None:
            self._body.object = wrap("")
        elif not 0 <= tile < len(clustering.labels):
            text = "Click a tile to see it large and where on its slide it lies."
            self._body.object = wrap(f"<h3>Where is it?</h3><p class='quiet'>{text}</p>")
        else:
            edits = self._store.edits()
            title = self._store.title
            self._loads.load(
                lambda: _picture(clustering, tile, cluster, title, edits, over=over, wide=wide), self._show
            )

    def _show(self, found: tuple[str, bool]) -> None:
        body, has_slide = found
        self._body.object = wrap(body)
        self._over.visible = self._open.visible = self._wide.visible = has_slide

    def _open_slide(self) -> None:
        clustering, tile = self._store.clustering(), self._store.tile
        if clustering is not None and 0 <= tile < len(clustering.labels):
            slide = int(clustering.index.slide[tile])
            self._store.param.update(slide=slide, page=PAGES.index("slide"), visits=self._store.visits + 1)


def _picture(
    clustering: Clustering, tile: int, cluster: int, title: Any, edits: str, *, over: bool, wide: bool
) -> tuple[str, bool]:
    """HTML, and whether the tile lies on a slide."""
    info = tile_info(clustering, tile)
    own = int(clustering.labels[tile])
    facts = f"<b>Tile {tile:,}</b><br>{escape(title(own))}<br>{escape(info.slide)}"
    if info.width:
        facts += (
            f"<p class='quiet' style='margin-top:8px'>x {info.x0:,}, y {info.y0:,} px<br>{info.side_um:.0f} µm wide</p>"
        )
    wide = wide and bool(info.width)
    picture = f"<img src='t/{tile}' alt='tile {tile}'>{_scale_bar(info.side_um)}"
    if wide:
        picture = (
            f"<img src='around/{tile}' alt='surroundings of tile {tile}: they are read from the slide, whose file must be there'>"
            f"<i class='ts-middle'></i>{_scale_bar(3 * info.side_um)}"
        )
    large = f"<h3>Where is it?</h3><div class='found'><div class='zoomed'>{picture}</div><div>{facts}</div></div>"
    if not info.width:
        return large, False
    return f"{large}<div style='height:14px'></div>{_overview(clustering, info, cluster, edits, over=over)}", True


def _overview(clustering: Clustering, info: TileInfo, cluster: int, edits: str, *, over: bool) -> str:
    box = (
        f"left:{100 * info.x0 / info.width:.3f}%;top:{100 * info.y0 / info.height:.3f}%;"
        f"width:{100 * info.side0 / info.width:.3f}%;height:{100 * info.side0 / info.height:.3f}%"
    )
    row = slide_row(clustering.workspace, info.slide_id)
    layer = ""
    if over and row["grid_rows"]:
        address = f"overlay/{clustering.run}/{clustering.interval}/{info.slide_id}/{cluster if cluster >= 0 else ''}?v={edits}"
        layer = f"<img class='over' style='{grid_extent(row)}' src='{address}' alt=''>"
    return (
        f"<div class='where' style='width:100%'><img src='thumbnail/{info.slide_id}?v={int(row['updated'])}' alt='overview of the slide'>"
        f"{layer}<i class='ts-box' style='{box}'></i></div>"
    )


def _scale_bar(side_um: float) -> str:
    """The longest round length that takes at most two fifths of the picture."""
    fitting = [um for um in _BARS_UM if um <= 0.4 * side_um]
    if not fitting:
        return ""
    return f"<div class='scale' style='width:{100 * fitting[-1] / side_um:.2f}%'><span>{fitting[-1]} µm</span></div>"
