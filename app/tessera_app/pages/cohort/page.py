"""Cohort page: all slides, searched, ordered and in pages, and a reason for all that was dropped."""

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
from tessera_app.pages.cohort.cards import card, shares, table
from tessera_app.pages.cohort.facts import CohortFacts, read_cohort
from tessera_app.pages.cohort.slides import ORDERS, PER_PAGE, SlidesPage, read_slides, without_flags
from tessera_app.store import Store
from tessera_app.theme import badge

_CARDS, _TABLE = "Cards", "Table"
_LAYERS = {"Slide": "", "Tissue": "mask", "Kept tiles": "kept"}
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
        small: dict[str, Any] = {"size": "small"}
        self._search = pmui.TextInput(
            label="find a slide",
            placeholder="name, patient, site, stain, reason",
            width=270,
            css_classes=["ts-find"],
            **small,
        )
        self._order = pmui.Select(label="order", options=list(ORDERS), width=170, css_classes=["ts-order"], **small)
        self._state = pmui.Select(
            label="state", options={"all": ""}, value="", width=130, css_classes=["ts-state"], **small
        )
        self._layer = pmui.RadioButtonGroup(
            options=list(_LAYERS), value="Slide", width=270, css_classes=["ts-layer"], **small
        )
        self._as = pmui.RadioButtonGroup(options=[_CARDS, _TABLE], value=_CARDS, css_classes=["ts-as"], **small)
        self._back, self._next = (
            pmui.Button(label=label, variant="outlined", css_classes=[css], **small)
            for label, css in (("Back", "ts-page-back"), ("Next", "ts-page-next"))
        )
        self._at, self._page = html(sizing_mode=None, css_classes=["ts-page-at"]), 0
        self._found: SlidesPage | None = None
        self._tools = pn.FlexBox(
            self._search,
            self._order,
            self._state,
            self._as,
            self._layer,
            pn.Row(self._back, self._at, self._next),
            align_items="center",
            gap="6px",
            visible=False,
            sizing_mode="stretch_width",
        )
        self._top, self._body = html(waiting("Reading the cohort…")), html(css_classes=["ts-cohort"])
        self._loads = Latest(lambda text: setattr(self._top, "object", wrap(alarm(text))))
        self._lists = Latest(lambda text: setattr(self._body, "object", wrap(alarm(text))))
        for widget in (self._layer, self._as):
            widget.param.watch(lambda *_: self._draw(), "value")
        for widget, name in ((self._search, "value_input"), (self._order, "value"), (self._state, "value")):
            widget.param.watch(lambda *_: self._turn_to(0), name)
        self._back.on_click(lambda _: self._turn_to(self._page - 1))
        self._next.on_click(lambda _: self._turn_to(self._page + 1))
        store.param.watch(lambda *_: self._load(), "cohort")
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(StreamPanel(self._store), self._top, self._tools, self._body, sizing_mode="stretch_width")

    def _load(self) -> None:
        self._loads.load(lambda: read_cohort(self._store.workspace), self._show)
        self._turn_to(self._page)

    def _turn_to(self, page: int) -> None:
        """Read a page of slides."""
        workspace, search = self._store.workspace, self._search.value_input or ""
        order, state = self._order.value, self._state.value
        self._lists.load(lambda: read_slides(workspace, search, order, state, page), self._show_slides)

    def _show(self, facts: CohortFacts) -> None:
        self._facts = facts
        self._tools.visible = bool(facts.states)
        self._state.options = {
            "all": "",
            **{f"{state.replace('_', ' ')} ({n:,})": state for state, n in facts.states.items()},
        }
        if not facts.states and not facts.rejected and self._store.stream is not None:
            self._top.object = wrap(
                "<h2>Cohort</h2><p class='quiet'>The first slides appear when their tiles are in the store.</p>"
            )
        elif not facts.states and not facts.rejected:
            text = _START.format(root=escape(shlex.quote(str(self._store.workspace.root))))
            self._top.object = wrap(empty("No slides yet", text))
        else:
            self._top.object = wrap(_summary(facts) + coarse_words(facts) + _trouble(facts))
        self._draw()

    def _show_slides(self, found: SlidesPage) -> None:
        self._found, self._page = found, found.page
        self._draw()

    def _draw(self) -> None:
        if self._facts is None or self._found is None:
            return
        found, mpp = self._found, self._facts.tile_mpp
        self._layer.visible = self._as.value == _CARDS
        self._back.visible = self._next.visible = found.n_pages > 1
        self._back.disabled, self._next.disabled = found.page == 0, found.page + 1 >= found.n_pages
        first = found.page * PER_PAGE
        self._at.object = wrap(f"<span class='quiet'>{_at_words(found, first)}</span>")
        if self._as.value == _TABLE:
            self._body.object = wrap(table(found.slides))
        else:
            layer = _LAYERS[self._layer.value]
            self._body.object = wrap(
                f"<div class='cards'>{''.join(card(one, layer, mpp) for one in found.slides)}</div>"
            )


def _at_words(found: SlidesPage, first: int) -> str:
    if not found.n:
        return "no slide found"
    if found.n <= len(found.slides):
        return counted(found.n, "slide")
    return f"{first + 1:,}–{first + len(found.slides):,} of {found.n:,}"


def _summary(facts: CohortFacts) -> str:
    done, all_slides = facts.states.get("done", 0), sum(facts.states.values())
    numbers = number(f"{facts.n_tiles:,}", term("tile", "tiles in the store"))
    numbers += number(f"{done:,}" if done == all_slides else f"{done:,} of {all_slides:,}", "slides with tiles")
    positions = sum(facts.totals.values())
    if positions:
        numbers += number(f"{facts.totals.get('kept', 0) / positions:.0%}", term("kept", "of the slides' area kept"))
    numbers += number(facts.tile, "tile size and resolution") if facts.tile else ""
    return f"<h2>Cohort</h2><div class='numbers'>{numbers}</div>{shares(facts.totals, key=True)}"


def coarse_words(facts: CohortFacts) -> str:
    """The caution about slides that are coarser than their tiles, once for all of them."""
    n, mpp = facts.coarse
    if not n:
        return ""
    return alarm(
        f"{counted(n, 'slide is', 'slides are')} coarser (up to {mpp:.3g} µm/px) than the tiles ({facts.tile_mpp:g}): "
        f"their tiles are enlarged and show less detail than those of other slides. A workspace whose tiles have "
        f"{mpp:.3g} µm/px keeps all alike.",
        "info",
    )


def _trouble(facts: CohortFacts) -> str:
    """Slides and files that gave no tiles, each with its reason."""
    rows = "".join(
        f"<tr><td>{badge(state)}</td><td>{escape(name)}</td><td>{escape(without_flags(reason))}</td></tr>"
        for name, state, reason in facts.trouble
    )
    rows += "".join(
        "<tr><td><span class='badge' style='--c:#656b80'>no slide</span></td><td "
        f"title='{escape(path)}'>{escape(Path(path).name)}</td>"
        f"<td>{escape(without_flags(reason))}</td></tr>"
        for path, reason in facts.rejected
    )
    n = facts.n_trouble
    if not n:
        return ""
    if (more := n - len(facts.trouble) - len(facts.rejected)) > 0:
        rows += f"<tr><td></td><td colspan='2'>and {more:,} more: search the slides below</td></tr>"
    opened = "open" if n <= 8 else ""
    return (
        f"<details {opened} class='ts-trouble'><summary><h3 style='display:inline-block'>{counted(n, 'file')} gave no "
        f"tiles</h3></summary><table class='plain'>{rows}</table></details>"
    )
