"""Cohort page: every slide with its picture, its mask and its kept tiles, and a reason for all that was dropped."""

from __future__ import annotations

import shlex
from html import escape
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.words import counted

from tessera_app.latest import Latest
from tessera_app.page import alarm, empty, html, number, term, waiting, wrap
from tessera_app.pages.cohort.archive import StreamPanel
from tessera_app.pages.cohort.facts import CohortFacts, SlideFacts, read_cohort
from tessera_app.store import Store
from tessera_app.theme import REASON_COLOURS, badge

_LAYERS = {"Slide": "", "Tissue found": "mask", "Tiles kept": "kept"}
_START = (
    "In a terminal, for slides in a folder:<br><code>tessera ingest FOLDER --workspace {root}</code><br>"
    "for ready-made tile images:<br><code>tessera ingest --tiles FOLDER --workspace {root}</code><br>"
    "for an archive that is larger than your disk (with <code>--plan</code> it only says what it will take):<br>"
    "<code>tessera ingest gdc: --project TCGA-BRCA --slide-budget 12GB --workspace {root}</code><br>"
    "This page follows."
)


class CohortPage(pn.viewable.Viewer):
    """Slides of the workspace."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._facts: CohortFacts | None = None
        self._layer = pmui.RadioButtonGroup(
            options=list(_LAYERS), value="Tiles kept", size="small", width=330, css_classes=["ts-layer"], visible=False
        )
        self._top, self._body = html(waiting("Reading the cohort…")), html(css_classes=["ts-cohort"])
        self._loads = Latest(lambda text: setattr(self._top, "object", wrap(alarm(text))))
        self._layer.param.watch(lambda *_: self._draw_cards(), "value")
        store.param.watch(lambda *_: self._load(), "cohort")
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(StreamPanel(self._store), self._top, self._layer, self._body, sizing_mode="stretch_width")

    def _load(self) -> None:
        self._loads.load(lambda: read_cohort(self._store.workspace), self._show)

    def _show(self, facts: CohortFacts) -> None:
        self._facts = facts
        self._layer.visible = bool(facts.slides)
        if not facts.states and not facts.rejected and self._store.stream is not None:
            self._top.object = wrap(
                "<h2>Cohort</h2><p class='quiet'>The first slides come when their tiles are in the store.</p>"
            )
        elif not facts.states and not facts.rejected:
            text = _START.format(root=escape(shlex.quote(str(self._store.workspace.root))))
            self._top.object = wrap(empty("No slides yet", text))
        else:
            self._top.object = wrap(_summary(facts) + coarse_words(facts) + _trouble(facts))
        self._draw_cards()

    def _draw_cards(self) -> None:
        if self._facts is None:
            return
        layer = _LAYERS[self._layer.value]
        cards = "".join(card(slide, layer, self._facts.tile_mpp) for slide in self._facts.slides)
        hidden = self._facts.n_pictures - len(self._facts.slides)
        more = f"<p class='quiet'>Not shown: {counted(hidden, 'slide')} of the workspace.</p>" if hidden else ""
        self._body.object = wrap(f"<div class='cards'>{cards}</div>{more}")


def _summary(facts: CohortFacts) -> str:
    done, all_slides = facts.states.get("done", 0), sum(facts.states.values())
    numbers = number(f"{facts.n_tiles:,}", term("tile", "tiles in the store"))
    numbers += number(f"{done:,}" if done == all_slides else f"{done:,} of {all_slides:,}", "slides with tiles")
    positions = sum(facts.totals.values())
    if positions:
        numbers += number(f"{facts.totals.get('kept', 0) / positions:.0%}", term("kept", "of the slides' area kept"))
    numbers += number(facts.tile, "tile size and resolution") if facts.tile else ""
    return f"<h2>Cohort</h2><div class='numbers'>{numbers}</div>{_shares(facts.totals, key=True)}"


def coarse_words(facts: CohortFacts) -> str:
    """The caution about slides that are coarser than their tiles, once for all of them."""
    n, mpp = facts.coarse
    if not n:
        return ""
    return alarm(
        f"{counted(n, 'slide is', 'slides are')} coarser (up to {mpp:.3g} µm/px) than the tiles ({facts.tile_mpp:g}): "
        "their tiles are "
        f"enlarged and show less detail than those of other slides; a workspace with --mpp {mpp:.3g} keeps all alike.",
        "info",
    )


def _shares(counts: dict[str, int], *, key: bool = False) -> str:
    """Where a slide's grid positions went, as one bar."""
    total = sum(counts.values())
    if not total:
        return ""
    known = [(reason, colour, counts[reason]) for reason, colour in REASON_COLOURS.items() if counts.get(reason)]
    parts = "".join(
        f"<div style='width:{100 * n / total:.2f}%;background:{colour}' title='{escape(reason)}: {n:,}'></div>"
        for reason, colour, n in known
    )
    words = "".join(
        f"<span><i style='background:{colour}'></i>{escape(reason)} {n:,}</span>" for reason, colour, n in known
    )
    return f"<div class='shares'>{parts}</div>" + (f"<div class='key'>{words}</div>" if key else "")


def _trouble(facts: CohortFacts) -> str:
    """Slides and files that gave no tiles, each with its reason."""
    rows = "".join(
        f"<tr><td>{badge(state)}</td><td>{escape(name)}</td><td>{escape(reason)}</td></tr>"
        for name, state, reason in facts.trouble
    )
    rows += "".join(
        "<tr><td><span class='badge' style='--c:#656b80'>no slide</span></td>"
        f"<td title='{escape(path)}'>{escape(Path(path).name)}</td>"
        f"<td>{escape(reason)}</td></tr>"
        for path, reason in facts.rejected
    )
    n = len(facts.trouble) + len(facts.rejected)
    if not n:
        return ""
    opened = "open" if n <= 8 else ""
    return (
        f"<details {opened} class='ts-trouble'><summary><h3 style='display:inline-block'>{counted(n, 'file')} gave no "
        f"tiles</h3></summary><table class='plain'>{rows}</table></details>"
    )


def _archive_words(row: dict[str, Any]) -> str:
    """What the archive or the barcode says of a slide; empty for others."""
    about = [
        row["project"],
        f"patient {row['patient']}" if row["patient"] else "",
        f"site {row['site']}" if row["site"] else "",
        row["sample_type"],
    ]
    words = " · ".join(escape(word) for word in about if word)
    return (
        f"<p class='quiet ts-archive' title='project, patient, tissue source site, sample type'>{words}</p>"
        if words
        else ""
    )


def card(slide: SlideFacts, layer: str, tile_mpp: float) -> str:
    """One slide as HTML."""
    row = slide.row
    facts = counted(row["n_tiles"], "tile")
    if row["width"] and row["mpp"]:
        facts += f" · {row['width']:,} × {row['height']:,} px · {row['mpp']:.3f} µm/px"
    reason = f"<p class='quiet'>{escape(row['reason'])}</p>" if row["reason"] else ""
    if row["state"] == "done" and reason and tile_mpp:  # the whole sentence is said once, above
        times = row["mpp"] / tile_mpp
        reason = f"<p class='quiet' title='{escape(row['reason'])}'>tiles enlarged {times:.2f} times</p>"
    source = f"resolution from {row['mpp_source']}, read by {row['reader']}" if row["mpp_source"] else ""
    counts = "".join(
        f"<tr><td>{escape(name)}</td><td class='n'>{n:,}</td></tr>"
        for name, n in slide.counts.items()
        if name != "kept"
    )
    dropped = (
        f"<details><summary class='quiet'>what was dropped</summary><table class='plain'>{counts}</table></details>"
        if counts
        else ""
    )
    return (
        f"<div class='card' data-slide='{row['id']}'>{_picture(slide, layer)}<div class='text'>"
        f"<h4>{escape(row['name'])} "
        f"{badge(row['state'])}</h4>{_archive_words(row)}{reason}<p class='quiet' title='{escape(source)}'>{facts}"
        f"</p>{_shares(slide.counts)}{dropped}</div></div>"
    )


def _picture(slide: SlideFacts, layer: str) -> str:
    row = slide.row
    number_, version = row["id"], int(row["updated"])
    if slide.first_tile >= 0:
        return f"<div class='slide'><img src='t/{slide.first_tile}' alt='one of its tiles' loading='lazy'></div>"
    if not row["width"]:
        return "<div class='slide'><div class='waits'>waiting to be cut</div></div>"
    over = ""
    if layer == "mask":
        style = "width:100%;height:100%;opacity:.62;mix-blend-mode:multiply;image-rendering:auto"
        over = f"<img class='over' style='{style}' src='mask/{number_}?v={version}' alt=''>"
    elif layer == "kept" and row["grid_columns"]:
        over = f"<img class='over' style='{grid_extent(row)}' src='kept/{number_}?v={version}' alt=''>"
    return (
        f"<div class='slide'><div class='stack'><img loading='lazy' src='thumbnail/{number_}?v={version}' "
        f"alt='overview of the slide'>{over}</div></div>"
    )


def grid_extent(row: Any) -> str:
    """CSS size of a slide's grid over its thumbnail, which both begin in the upper left corner."""
    width = 100 * row["grid_columns"] * row["step0"] / row["width"]
    height = 100 * row["grid_rows"] * row["step0"] / row["height"]
    return f"width:{width:.3f}%;height:{height:.3f}%"
