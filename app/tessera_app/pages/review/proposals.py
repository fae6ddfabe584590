"""From a few names to all tiles: proposals with confidence, to look at and to accept class by class."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.curate.decisions.decide import name_clusters
from tessera.curate.decisions.words import words
from tessera.curate.propagate import ACCEPT_FROM, accept
from tessera.explore.clustering import Clustering

from tessera_app.components.panel import TileGallery
from tessera_app.decider import Decider
from tessera_app.latest import Latest
from tessera_app.page import alarm, html, term, wrap
from tessera_app.pages.review.facts import SHOWN, ProposalFacts, read_proposal, tiles_to_review
from tessera_app.store import Store

_WHAT = (
    "Typical tiles of the clusters that have a name, and tiles that were moved one by one, teach a small network that "
    "goes "
    "over the graph of like tiles. It proposes a name for every tile. <b>Nothing is changed until you accept it</b>, "
    "and "
    "every acceptance can be undone on the Explore page."
)
_LINES = 8  # newer decisions that are listed


class Proposals(pn.viewable.Viewer):
    """One proposal at a time."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._facts: ProposalFacts | None = None
        self._make = pmui.Button(label="Propose names for all tiles", variant="contained", css_classes=["ts-propose"])
        self._make.on_click(self._start)
        self._note, self._table, self._said = html(), html(css_classes=["ts-proposed"]), html()
        self._which = pmui.Select(label="proposal", options=[], size="small", width=230, css_classes=["ts-proposal"])
        self._least = pmui.FloatSlider(
            label="confidence from",
            start=0.5,
            end=1.0,
            step=0.05,
            value=ACCEPT_FROM,
            width=230,
            size="small",
            css_classes=["ts-least"],
        )
        self._class = pmui.Select(label="class", options=[], size="small", width=230, css_classes=["ts-proposed-class"])
        self._gallery = TileGallery(sizing_mode="stretch_width", margin=(5, 10), css_classes=["ts-proposed-tiles"])
        small: dict[str, Any] = {"size": "small", "variant": "outlined"}
        self._accept = pmui.Button(label="Accept this class", css_classes=["ts-accept"], **small)
        self._accept_all = pmui.Button(label="Accept all classes", css_classes=["ts-accept-all"], **small)
        self._clusters = pn.Column(sizing_mode="stretch_width")
        self._body = pn.Column(
            pn.Row(self._which, self._least, self._class),
            self._table,
            pn.Row(self._accept, self._accept_all),
            self._said,
            self._gallery,
            self._clusters,
            sizing_mode="stretch_width",
            visible=False,
        )
        self._decider = Decider(store, self._said)
        self._loads, self._looks = Latest(self._trouble), Latest(self._trouble)
        self._accept.on_click(self._take_one)
        self._accept_all.on_click(self._take_all)
        self._which.param.watch(lambda *_: self._load(), "value")
        self._least.param.watch(lambda *_: self._load(), "value_throttled")
        self._class.param.watch(lambda *_: self._look(), "value")
        self._gallery.param.watch(self._mark, "picked")
        store.param.watch(lambda *_: self._draw(), ["shown", "names_version", "activities", "failures"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        what = html(f"<p class='quiet'>{_WHAT}</p>")
        return pn.Column(what, self._make, self._note, self._body, sizing_mode="stretch_width")

    def _trouble(self, text: str) -> None:
        self._note.object = wrap(alarm(text))

    def _draw(self) -> None:
        going = [item for item in self._store.activities if item.kind == "propagate" and item.run == self._store.run]
        failed = [item for item in self._store.failures if item.kind == "propagate" and item.run == self._store.run]
        named = len(set(self._store.names().values()))
        self._make.disabled = bool(going) or named < 2
        if going:
            self._note.object = wrap(
                "<p class='quiet'>The proposal is being computed; it appears here when it is ready.</p>"
            )
        elif named < 2:
            self._note.object = wrap(
                alarm("Give names to clusters of at least two classes on the Explore page first.", "info")
            )
        else:
            self._note.object = wrap(alarm(f"No proposal could be made: {failed[0].message}") if failed else "")
        if not going:
            self._load()

    def _start(self, _: Any) -> None:
        author = [f"--author={self._store.who()}"] if self._store.who() else []
        self._make.disabled = self._store.start("propagate", self._store.run, *author)

    def _load(self) -> None:
        clustering, id, least = self._store.clustering(), self._which.value or "", self._least.value
        if clustering is not None:
            self._loads.load(lambda: read_proposal(clustering, id, least), self._show)

    def _show(self, facts: ProposalFacts | None) -> None:
        self._facts, self._body.visible = facts, facts is not None
        if facts is None:
            return
        if self._which.options != facts.ids:
            self._which.param.update(options=facts.ids, value=facts.proposal.id)
        names = [row.name for row in facts.rows]
        if self._class.options != names:
            self._class.param.update(options=names, value=max(facts.rows, key=lambda row: row.n_new).name)
        self._table.object = wrap(_table(facts) + _since(facts, self._store.number))
        self._accept_all.disabled = not any(row.n_new for row in facts.rows)
        self._clusters.objects = self._suggestions(facts)
        self._look()

    def _look(self) -> None:
        facts, clustering, name, least = self._facts, self._store.clustering(), self._class.value, self._least.value
        if facts is not None and clustering is not None and name in facts.proposal.classes:
            row = next(row for row in facts.rows if row.name == name)
            self._accept.disabled = row.n_new == 0
            self._looks.load(
                lambda: tiles_to_review(facts.proposal, clustering, name, least),
                lambda tiles: self._tiles(name, row.n_new, tiles),
            )

    def _tiles(self, name: str, n: int, tiles: list[int]) -> None:
        help = (
            f"the {min(n, SHOWN)} least confident of {n:,} tiles that would become {name}"
            if n
            else "no tile would move"
        )
        self._gallery.rows = [{"title": name, "help": help, "ids": tiles}]

    async def _take_one(self, _: Any) -> None:
        await self._take([self._class.value])

    async def _take_all(self, _: Any) -> None:
        await self._take(None)

    async def _take(self, names: list[str] | None) -> None:
        facts, least = self._facts, self._least.value
        if facts is None:
            return

        def decide(clustering: Clustering, author: str) -> None:
            accept(clustering.workspace, facts.proposal, author=author, names=names, least=least)

        await self._decider.do(decide, "Accepted. Undo on the Explore page takes it back, class by class.")

    def _suggestions(self, facts: ProposalFacts) -> list[Any]:
        """One line with a button for each cluster without a name."""
        lines: list[Any] = [html("<h3>Clusters without a name</h3>")] if facts.clusters else []
        for item in facts.clusters[:20]:
            button = pmui.Button(
                label=f"Name it {item.value}", size="small", variant="outlined", css_classes=["ts-suggested"]
            )
            button.on_click(self._namer(item.cluster, item.value, facts.proposal.id))
            title = escape(self._store.title(item.cluster))
            words = f"<b>{title}</b>: {item.share:.0%} of its tiles are proposed as {escape(item.value)}"
            lines.append(pn.Row(html(words, sizing_mode=None, width=420, align="center"), button))
        return lines

    def _namer(self, cluster: int, name: str, proposal: str) -> Callable[[Any], Awaitable[None]]:
        def decide(clustering: Clustering, author: str) -> None:
            at = (clustering.workspace, clustering.run, clustering.interval)
            name_clusters(*at, [cluster], name, author=author, proposal=proposal)

        async def clicked(_: Any) -> None:
            await self._decider.do(decide, f"Named {name}.")

        return clicked

    def _mark(self, event: Any) -> None:
        if event.new >= 0:
            self._store.tile = event.new


def _table(facts: ProposalFacts) -> str:
    rows = "".join(
        f"<tr><td>{escape(row.name)}</td><td class='n'>{row.n_sure:,}</td><td class='n'>{row.n_new:,}</td></tr>"
        for row in facts.rows
    )
    return (
        f"<p class='quiet'>Made by {escape(facts.proposal.author)} from {facts.proposal.n_labelled:,} labelled "
        f"{term('tile', 'tiles')}.</p><table class='plain' style='width:460px'><tr><th>class</th>"
        "<th class='n'>confident tiles</th>"
        f"<th class='n'>would move</th></tr>{rows}</table>"
    )


def _since(facts: ProposalFacts, number: Callable[[int], str]) -> str:
    """What was decided after the proposal was made: it stays, and the proposal is read around it."""
    since = facts.since
    if not since.made and not since.undone:
        return ""
    lines = [f"{escape(decision.author)}: {escape(words(decision, number))}" for decision in since.made]
    lines += [
        f"{escape(decision.author)}: {escape(words(decision, number))} <i>(taken back)</i>" for decision in since.undone
    ]
    more = f"<li>and {len(lines) - _LINES} more</li>" if len(lines) > _LINES else ""
    shown = "".join(f"<li>{line}</li>" for line in lines[-_LINES:])
    advice = " Names that it learned from were taken back: make a new proposal." if since.undone else ""
    return (
        f"<div class='alarm info ts-since'>Decided since this proposal was made; it stays as it is.{advice}"
        f"<ul>{shown}{more}</ul></div>"
    )
