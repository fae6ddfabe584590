"""Cohort page: every slide with its picture, its mask and its kept tiles, and a reason for all that was dropped."""

from __future__ import annotations

import sqlite3
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from app.page import empty, html, number, wrap
from app.state import Store
from app.theme import badge

_SHOWN = 60
_LAYERS = {"Slide": "", "Tissue mask": "mask", "Kept tiles": "kept"}
_START = (
    "Type <code>tessera ingest FOLDER</code> in a terminal, where FOLDER holds slides, or "
    "<code>tessera ingest --tiles FOLDER</code> for ready-made tiles. This page follows."
)


class CohortPage(pn.viewable.Viewer):
    """Slides of the workspace."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._layer = pmui.RadioButtonGroup(
            options=list(_LAYERS), value="Kept tiles", size="small", css_classes=["ts-layer"]
        )
        self._body = html()
        self._layer.param.watch(lambda _: self._draw(), "value")
        store.param.watch(lambda _: self._draw(), "cohort")
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(self._layer, self._body, sizing_mode="stretch_width")

    def _draw(self) -> None:
        with self._store.workspace.ledger.read() as connection:
            slides = connection.execute(
                "SELECT * FROM slide ORDER BY state NOT IN ('failed', 'empty', 'set_aside'), id LIMIT ?", (_SHOWN,)
            ).fetchall()
            states = connection.execute("SELECT state, count(*) AS n FROM slide GROUP BY state").fetchall()
            counts = connection.execute("SELECT * FROM grid_count ORDER BY n DESC").fetchall()
            rejected = connection.execute("SELECT path, reason FROM rejected_file ORDER BY path").fetchall()
        by_slide: dict[int, list[str]] = {}
        totals: dict[str, int] = {}
        for row in counts:
            by_slide.setdefault(row["slide_id"], []).append(
                f"<tr><td>{escape(row['reason'])}</td><td>{row['n']:,}</td></tr>"
            )
            totals[row["reason"]] = totals.get(row["reason"], 0) + row["n"]
        if not slides and not rejected:
            self._body.object = wrap(empty("No slides yet", _START))
            return
        n_slides = sum(row["n"] for row in states)
        top = number(f"{self._store.workspace.n_tiles():,}", "tiles in the store")
        top += "".join(number(f"{row['n']:,}", f"slides {row['state'].replace('_', ' ')}") for row in states)
        top += "".join(number(f"{n:,}", reason) for reason, n in totals.items() if reason != "kept")
        cards = "".join(self._card(slide, by_slide.get(slide["id"], [])) for slide in slides)
        more = f"<p class='quiet'>{_SHOWN} of {n_slides:,} slides are shown, those with problems first.</p>"
        self._body.object = wrap(
            f"<div class='numbers'>{top}</div>{more if n_slides > _SHOWN else ''}<div class='cards'>{cards}</div>"
            + _rejected(rejected)
        )

    def _card(self, slide: sqlite3.Row, counts: list[str]) -> str:
        reason = f"<p class='quiet'>{escape(slide['reason'])}</p>" if slide["reason"] else ""
        facts = f"{slide['n_tiles']:,} tiles"
        if slide["width"]:
            facts += (
                f" · {slide['width']:,} × {slide['height']:,} px · {slide['mpp']:.3f} µm/px "
                f"({escape(slide['mpp_source'])}) · read by {escape(slide['reader'])}"
            )
        return (
            f"<div class='card' data-slide='{slide['id']}'>{self._picture(slide)}<h4>{escape(slide['name'])} "
            f"{badge(slide['state'])}</h4>{reason}<p class='quiet'>{facts}</p>"
            f"<table class='plain'>{''.join(counts)}</table></div>"
        )

    def _picture(self, slide: sqlite3.Row) -> str:
        number_, version = slide["id"], int(slide["updated"])
        if slide["kind"] == "tiles" and slide["n_tiles"]:
            return f"<div class='slide'><img src='t/{self._first_tile(number_)}' alt='a tile' loading='lazy'></div>"
        if not slide["width"]:
            return "<div class='slide'></div>"
        layer = _LAYERS[self._layer.value]
        over = ""
        if layer == "mask":
            over = f"<img class='over' style='width:100%;height:100%;mix-blend-mode:multiply' src='mask/{number_}?v={version}' alt=''>"
        elif layer == "kept":
            over = f"<img class='over' style='{grid_extent(slide)}' src='kept/{number_}?v={version}' alt=''>"
        return (
            f"<div class='slide'><div class='stack'><img loading='lazy' src='thumbnail/{number_}?v={version}' "
            f"alt='overview of the slide'>{over}</div></div>"
        )

    def _first_tile(self, slide_id: int) -> int:
        import numpy as np

        from core.tiles.store import TileStore

        return int(np.argmax(TileStore(self._store.workspace.tiles_path).index().slide == slide_id))


def grid_extent(slide: sqlite3.Row) -> str:
    """CSS size of a slide's grid over its thumbnail, which both begin in the upper left corner."""
    width = 100 * slide["grid_columns"] * slide["step0"] / slide["width"]
    height = 100 * slide["grid_rows"] * slide["step0"] / slide["height"]
    return f"width:{width:.3f}%;height:{height:.3f}%"


def _rejected(rows: list[sqlite3.Row]) -> str:
    if not rows:
        return ""
    body = "".join(f"<tr><td>{escape(row['path'])}</td><td>{escape(row['reason'])}</td></tr>" for row in rows)
    return f"<h3>Files that are no slides</h3><table class='plain'>{body}</table>"
