"""Blind second reading: clusters without their names, one after the other, and how far readers agree."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.curate.agreement import Agreement, agreement, read_cluster
from tessera.curate.decisions.decide import NAMES
from tessera.explore.clustering import Clustering

from tessera_app.components.panel import TileGallery
from tessera_app.decider import Decider
from tessera_app.latest import Latest
from tessera_app.page import alarm, html, number, term, wrap
from tessera_app.pages.review.facts import Reading, read_reading
from tessera_app.store import Store

_WHAT = (
    "Label clusters by their tiles alone: names that others gave are not shown, and labels given here change no name. "
    "The largest cluster that you have not labelled comes next."
)
_NO_KAPPA = (
    "<p class='quiet'>There is no kappa yet: where both readers give one and the same label only, they would agree by "
    "chance as well. "
    "Read more clusters.</p>"
)


class SecondReader(pn.viewable.Viewer):
    """Reads one cluster at a time, then compares two readers."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._reading: Reading | None = None
        self._where, self._said, self._found = html(), html(), html(css_classes=["ts-agreement"])
        self._decider = Decider(store, self._said)
        self._label = pmui.AutocompleteInput(
            label="what is it?",
            options=list(NAMES),
            restrict=False,
            min_characters=0,
            case_sensitive=False,
            size="small",
            search_strategy="includes",
            width=270,
            css_classes=["ts-read-label"],
        )
        self._next = pmui.Button(label="Save and next", variant="contained", css_classes=["ts-read-next"])
        self._next.on_click(self._save)
        self._large = html(css_classes=["ts-read-large"])
        self._gallery = TileGallery(sizing_mode="stretch_width", margin=(5, 10), css_classes=["ts-read-tiles"])
        self._gallery.param.watch(lambda event: self._enlarge(event.new), "picked")
        self._form = pn.Column(
            pn.Row(self._label, self._next), self._said, self._large, self._gallery, sizing_mode="stretch_width"
        )
        self._first = pmui.Select(label="reader", options=[], size="small", width=200, css_classes=["ts-reader-1"])
        self._second = pmui.Select(label="and", options=[], size="small", width=200, css_classes=["ts-reader-2"])
        self._compare = pn.Column(
            html(f"<h3>Do readers agree? {term('kappa')}</h3>"),
            pn.Row(self._first, self._second),
            self._found,
            visible=False,
            sizing_mode="stretch_width",
        )
        self._loads, self._compares = Latest(self._trouble), Latest(self._no_agreement)
        for select in (self._first, self._second):
            select.param.watch(lambda *_: self._agree(), "value")
        store.param.watch(lambda *_: self._load(), ["shown", "names_version", "author"])
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        what = html(f"<p class='quiet'>{_WHAT}</p>")
        return pn.Column(what, self._where, self._form, self._compare, sizing_mode="stretch_width")

    def _trouble(self, text: str) -> None:
        self._said.object = wrap(alarm(text))

    def _load(self) -> None:
        run, interval, _ = self._store.shown
        if interval >= 0:
            workspace, author = self._store.workspace, self._store.who()
            self._loads.load(lambda: read_reading(workspace, run, interval, author), self._show)

    def _show(self, found: Reading) -> None:
        fresh = self._reading is None or self._reading.cluster != found.cluster
        self._reading = found
        self._form.visible = found.cluster >= 0
        left = (
            f"{found.n_read} of {found.n_clusters} clusters read."
            if found.cluster >= 0
            else "You have read all clusters."
        )
        self._where.object = wrap(f"<p class='quiet ts-read'>{left}</p>")
        if fresh:
            self._label.value = self._label.value_input = ""
            self._gallery.param.update(rows=found.rows, picked=-1)
            self._large.object = wrap("")
        self._label.options = list(dict.fromkeys([*found.labels, *NAMES]))
        self._compare.visible = len(found.readers) > 1
        if self._first.options != found.readers:
            ends = (found.readers or [""])[0], (found.readers or [""])[-1]
            for select, end in zip((self._first, self._second), ends, strict=True):
                select.param.update(options=found.readers, value=select.value if select.value in found.readers else end)
        self._agree()

    def _enlarge(self, tile: int) -> None:
        """Show a tile as large as it is stored; nothing else is told of it, since the reading is blind."""
        if tile >= 0:
            picture = f"<img src='t/{tile}' width='336' height='336' alt='tile {tile}' style='border-radius:8px'>"
            self._large.object = wrap(picture)

    async def _save(self, _: Any) -> None:
        text = self._label.value_input if self._label.value_input is not None else self._label.value
        if self._reading is None or not (text or "").strip():
            self._trouble("Write what it is, or 'don't know' if you cannot tell.")
            return
        cluster, label = self._reading.cluster, text or ""

        def decide(clustering: Clustering, author: str) -> None:
            read_cluster(clustering.workspace, clustering.run, clustering.interval, cluster, label, author=author)

        await self._decider.do(decide)

    def _agree(self) -> None:
        first, second = self._first.value, self._second.value
        run, interval, _ = self._store.shown
        if first and second and first != second:
            workspace = self._store.workspace
            self._compares.load(lambda: agreement(workspace, run, first, second, interval), self._agreed)
        else:
            self._found.object = wrap("<p class='quiet'>Choose two readers.</p>")

    def _agreed(self, found: Agreement) -> None:
        rows = "".join(
            f"<tr><td>{self._store.number(cluster)}</td><td>{escape(one)}</td><td>{escape(other)}</td></tr>"
            for cluster, one, other in found.disagreements[:50]
        )
        table = (
            f"<table class='plain' style='width:620px'><tr><th>cluster</th><th>{escape(str(self._first.value))}</th>"
            f"<th>{escape(str(self._second.value))}</th></tr>{rows}</table>"
        )
        self._found.object = wrap(
            f"<div class='numbers'>{number(_two(found.kappa), term('kappa'))}"
            f"{number(_two(found.kappa_tiles), 'kappa, by tiles')}"
            f"{number(f'{found.observed:.0%}', f'agree, of {found.n_clusters} clusters')}</div>"
            f"{'' if found.kappa == found.kappa else _NO_KAPPA}{table if rows else ''}"
        )

    def _no_agreement(self, text: str) -> None:
        self._found.object = wrap(f"<p class='quiet'>{escape(text)}</p>")


def _two(value: float) -> str:
    return f"{value:.2f}" if value == value else "–"
