"""What can be done with the open cluster beside naming it: merge, split, note; undo, redo and the history of the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
import param
from tessera.curate.decisions.decide import merge_clusters, note_cluster
from tessera.curate.decisions.history import clean_author, history
from tessera.curate.decisions.split import split_cluster
from tessera.curate.decisions.state import in_effect
from tessera.curate.decisions.undo import redo, redoable, undo, undoable
from tessera.curate.decisions.words import words
from tessera.explore.bimodality import TwoKinds, two_kinds
from tessera.explore.clustering import Clustering
from tessera.explore.neighbours import nearest_clusters

from tessera_app.decider import Decider
from tessera_app.latest import Latest
from tessera_app.page import alarm, html, wrap
from tessera_app.store import Store
from tessera_app.theme import TABLE_CSS

_FORMS = ("Merge", "Split", "Note", "History")
_HELP = {
    "Undo": "Your own last decision",
    "Redo": "What you undid last",
}
_SHOWN = 200  # decisions in the table


class Actions(pn.viewable.Viewer):
    """A row of buttons; some open a form below it."""

    visible = param.Boolean(True)

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._open = ""
        self._said = html()
        self._decider = Decider(store, self._said)
        quiet: dict[str, Any] = {"variant": "outlined", "size": "small", "margin": (2, 4)}
        self._buttons = {
            name: pmui.Button(label=name, css_classes=[f"ts-do-{name.lower()}"], **quiet)
            for name in (*_FORMS[:3], "Undo", "Redo", _FORMS[3])
        }
        for name, help in _HELP.items():
            self._buttons[name].description = help
        for name in _FORMS:
            self._buttons[name].on_click(lambda _, name=name: self._toggle(name))
        self._buttons["Undo"].on_click(self._undo)
        self._buttons["Redo"].on_click(self._redo)
        self._near = Latest(lambda text: setattr(self._said, "object", wrap(alarm(text))))
        self._recluster = pmui.Button(
            label="Recluster without artefacts",
            visible=False,
            css_classes=["ts-do-recluster"],
            description="A new run on the tiles that are neither in clusters marked as artefact nor taken out.",
            **quiet,
        )
        self._recluster.on_click(self._start_again)
        self._form = pn.Column(sizing_mode="stretch_width", margin=(0, 6))
        store.param.watch(lambda *_: self._draw(), ["names_version", "shown", "author"])
        store.param.watch(lambda *_: self._elsewhere(), ["cluster", "shown"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(
            pn.FlexBox(*self._buttons.values(), self._recluster, margin=(0, 6)),
            self._form,
            self._said,
            visible=self.param.visible,
            sizing_mode="stretch_width",
        )

    def _toggle(self, name: str) -> None:
        self._open = "" if self._open == name else name
        self._decider.clear()
        self._show_form()

    def _elsewhere(self) -> None:
        """Another cluster or clustering is looked at: nothing was said of it."""
        self._decider.clear()
        self._show_form()

    def _close(self) -> None:
        self._open = ""
        self._show_form()

    def _draw(self) -> None:
        past, author = history(self._store.workspace, self._store.run), clean_author(self._store.who())
        self._recluster.visible = "artefact" in self._store.decided().marks.values()
        self._buttons["Undo"].disabled = undoable(past, author) is None
        self._buttons["Redo"].disabled = redoable(past, author) is None
        self._show_form()

    def _show_form(self) -> None:
        clustering = self._store.clustering()
        for name in _FORMS:
            self._buttons[name].variant = "contained" if name == self._open else "outlined"
        build = {"Merge": self._merge_form, "Split": self._split_form, "Note": self._note_form}.get(self._open)
        if clustering is None or not self._open:
            self._form.objects = []
        elif build is not None:
            self._form.objects = [build(clustering)]
        else:
            self._form.objects = [self._history_table()]

    def _merge_form(self, clustering: Clustering) -> pn.viewable.Viewable:
        cluster = self._store.cluster
        label = self._store.decided().label
        others = {label(other): other for other in clustering.ids.tolist() if other != cluster}
        near = html()
        which = pmui.AutocompleteInput(
            label=f"take into {self._store.title(cluster)}",
            options=others,
            width=300,
            size="small",
            min_characters=0,
            search_strategy="includes",
            case_sensitive=False,
            css_classes=["ts-merge-which"],
        )
        go = pmui.Button(label="Merge", variant="contained", css_classes=["ts-merge-go"])

        async def clicked(_: Any) -> None:
            if which.value is None:
                self._said.object = wrap(alarm("choose the cluster to take in"))
                return
            chosen = [cluster, int(which.value)]
            if await self._decider.do(
                lambda clustering, author: _merge(clustering, chosen, author), "Merged. Undo takes it back."
            ):
                self._close()

        go.on_click(clicked)
        self._near.load(lambda: nearest_clusters(clustering, cluster), lambda found: _offer(found, which, near, label))
        return pn.Column(pn.Row(which, go), near)

    def _split_form(self, clustering: Clustering) -> pn.viewable.Viewable:
        cluster, sides = self._store.cluster, html()
        parts = pmui.IntInput(
            label="parts", value=2, start=2, end=20, size="small", width=110, css_classes=["ts-split-parts"]
        )
        go = pmui.Button(label="Split", variant="contained", css_classes=["ts-split-go"])

        async def clicked(_: Any) -> None:
            n = int(parts.value)
            was = self._store.title(cluster)
            if await self._decider.do(lambda clustering, author: _split(clustering, cluster, n, author)):
                self._close()
                made = sorted(part for part, whole in self._store.decided().parts.items() if whole == cluster)
                self._store.cluster = made[0] if made else self._store.cluster
                said = f"{was} is split into {n} parts by their features; this is the first, and they have no name yet."
                self._said.object = wrap(f"<p class='quiet ts-said'>{escape(said)} Undo takes it back.</p>")

        go.on_click(clicked)
        self._near.load(
            lambda: two_kinds(clustering, cluster), lambda kinds: setattr(sides, "object", wrap(_both_sides(kinds)))
        )
        return pn.Column(pn.Row(parts, go), sides, sizing_mode="stretch_width")

    def _note_form(self, _: Clustering) -> pn.viewable.Viewable:
        cluster = self._store.cluster
        text = pmui.TextAreaInput(
            label="note",
            value=self._store.decided().notes.get(cluster, ""),
            rows=3,
            sizing_mode="stretch_width",
            css_classes=["ts-note"],
        )
        go = pmui.Button(label="Save note", variant="contained", css_classes=["ts-note-go"])

        async def clicked(_: Any) -> None:
            note = text.value_input if text.value_input is not None else text.value
            if await self._decider.do(lambda clustering, author: _note(clustering, cluster, note or "", author)):
                self._close()

        go.on_click(clicked)
        return pn.Column(text, go, sizing_mode="stretch_width")

    def _history_table(self) -> pn.viewable.Viewable:
        past = history(self._store.workspace, self._store.run)
        if not past:
            return html("<p class='quiet'>Nothing has been decided about this run yet.</p>")
        active, number = {decision.id for decision in in_effect(past)}, self._store.decided().number
        newest = [decision for decision in reversed(past) if decision.kind not in ("undo", "redo")][:_SHOWN]
        rows = pd.DataFrame(
            {
                "when": [time.strftime("%d %b %H:%M", time.localtime(decision.time)) for decision in newest],
                "who": [decision.author for decision in newest],
                "what": [words(decision, number) for decision in newest],
                "counts": ["yes" if decision.id in active else "taken back" for decision in newest],
            }
        )
        table = pn.widgets.Tabulator(
            rows,
            show_index=False,
            disabled=True,
            pagination="local",
            page_size=8,
            layout="fit_columns",
            theme="simple",
            widths={"when": 116, "who": 130, "counts": 96, "undo": 44},
            stylesheets=[TABLE_CSS],
            sizing_mode="stretch_width",
            formatters={"what": {"type": "textarea"}},
            buttons={"undo": "<span title='take it back, or make it again'>↺</span>"},
            css_classes=["ts-history"],
        )

        async def clicked(event: Any) -> None:
            decision = newest[event.row]
            change = undo if decision.id in active else redo
            await self._decider.do(lambda clustering, author: _change(change, clustering, author, decision.id))

        table.on_click(clicked, column="undo")
        return table

    async def _undo(self, _: Any) -> None:
        past, author = history(self._store.workspace, self._store.run), clean_author(self._store.who())
        last = undoable(past, author)
        what = f": {words(last, self._store.number)}" if last is not None else ""
        said = f"Taken back{what}. Redo makes it again."
        await self._decider.do(lambda clustering, author: _change(undo, clustering, author), said)

    async def _redo(self, _: Any) -> None:
        await self._decider.do(lambda clustering, author: _change(redo, clustering, author))

    def _start_again(self, _: Any) -> None:
        author = [f"--author={self._store.who()}"] if self._store.who() else []
        if not self._store.start("recluster", self._store.run, *author):
            return
        text = "A new run without them begins; it appears on the Run page."
        self._said.object = wrap(f"<p class='quiet ts-said'>{text}</p>")


def _offer(
    found: list[tuple[int, float]], which: pmui.AutocompleteInput, near: pn.pane.HTML, label: Callable[[int], str]
) -> None:
    """Put the clusters that look most alike first, and say which they are."""
    first = {label(cluster): cluster for cluster, _ in found}
    which.options = {**first, **which.options}
    if first:
        near.object = wrap(f"<p class='quiet'>Most alike: {escape(', '.join(list(first)[:4]))}.</p>")


def _both_sides(kinds: TwoKinds | None) -> str:
    """Tiles of the two ends of the direction in which the cluster's tiles differ most."""
    if kinds is None:
        return ""
    rows = "".join(
        f"<tr><td class='n'>{share:.0%}</td><td>{''.join(_tile(tile) for tile in side.tolist())}</td></tr>"
        for share, side in zip((1 - kinds.share, kinds.share), kinds.sides, strict=True)
    )
    what = "two kinds of tiles" if kinds.likely else "no clear border between"
    return f"<p class='quiet'>Along what differs most in it, {what}:</p><table class='plain ts-sides'>{rows}</table>"


def _tile(tile: int) -> str:
    return f"<img src='t/{tile}' loading='lazy' width='72' height='72' alt='tile {tile}'>"


def _merge(clustering: Clustering, clusters: list[int], author: str) -> None:
    merge_clusters(clustering.workspace, clustering.run, clustering.interval, clusters, author=author)


def _split(clustering: Clustering, cluster: int, parts: int, author: str) -> None:
    split_cluster(clustering.workspace, clustering.run, clustering.interval, cluster, parts, author=author)


def _note(clustering: Clustering, cluster: int, note: str, author: str) -> None:
    note_cluster(clustering.workspace, clustering.run, clustering.interval, cluster, note, author=author)


def _change(change: Any, clustering: Clustering, author: str, decision: int | None = None) -> None:
    change(clustering.workspace, clustering.run, author=author, decision=decision)
