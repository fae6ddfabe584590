"""Names that may no longer hold, and names carried over from another run; where it is unsure, people are asked."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.curate.decisions.decide import mark_cluster, name_cluster
from tessera.curate.transfer import Suggestion, carry_over
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.workspace.people import Role

from tessera_app import access
from tessera_app.decider import Decider
from tessera_app.latest import Latest
from tessera_app.page import alarm, html, wrap
from tessera_app.pages.review.facts import named_runs, read_drifted
from tessera_app.store import Store

_SHOWN = 30
_FINE = "Every name was given to clusters that still hold most of the same tiles."


class TransferPanel(pn.viewable.Viewer):
    """Questions, each with its answers as buttons."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._asked: list[Suggestion] = []
        self._said = html(css_classes=["ts-carried"])
        self._decider = Decider(store, self._said)
        self._drifted, self._unsure = pn.Column(sizing_mode="stretch_width"), pn.Column(sizing_mode="stretch_width")
        self._source = pmui.Select(label="names of", options=[], size="small", width=230, css_classes=["ts-carry-from"])
        self._carry = pmui.Button(label="Carry names over", variant="outlined", size="small", css_classes=["ts-carry"])
        self._carry.on_click(self._carried)
        self._from = pn.Row(self._source, self._carry, visible=False)
        self._loads, self._lists = Latest(self._trouble), Latest(self._trouble)
        store.param.watch(lambda *_: self._draw(), ["shown", "names_version", "run_names"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(
            html("<h3>Does each name still fit?</h3>"),
            self._drifted,
            html("<h3>Names of another run</h3>"),
            self._from,
            self._unsure,
            self._said,
            sizing_mode="stretch_width",
        )

    def _trouble(self, text: str) -> None:
        self._said.object = wrap(alarm(text))

    def _draw(self) -> None:
        clustering, run = self._store.clustering(), self._store.run
        if clustering is None:
            return
        self._loads.load(lambda: read_drifted(clustering), self._show_drifted)
        self._lists.load(lambda: named_runs(self._store.workspace, run), self._show_sources)
        self._show_unsure()

    def _show_drifted(self, found: list[Suggestion]) -> None:
        lines = [
            self._question(item, f"of its tiles were in it when it was called {item.value}") for item in found[:_SHOWN]
        ]
        self._drifted.objects = lines or [html(f"<p class='quiet'>{_FINE}</p>")]

    def _show_sources(self, names: list[str]) -> None:
        self._source.param.update(
            options=names, value=self._source.value if self._source.value in names else (names or [""])[0]
        )
        self._from.visible = bool(names)
        if not names and not self._asked:
            self._unsure.objects = [html("<p class='quiet'>No other run of this workspace has names.</p>")]

    def _show_unsure(self) -> None:
        said = {"name": self._store.names(), "mark": self._store.decided().marks}
        left = [item for item in self._asked if item.cluster not in said[item.kind]]
        self._unsure.objects = [
            self._question(item, f"of its tiles were called {item.value}") for item in left[:_SHOWN]
        ]

    async def _carried(self, _: Any) -> None:
        source, clustering = self._source.value, self._store.clustering()
        if not source or clustering is None:
            return

        author = self._store.who()

        def carry() -> list[Suggestion]:
            return carry_over(
                clustering.workspace, (source, None), (clustering.run, clustering.interval), author=author
            )

        before = len(self._store.names())
        try:
            access.require(Role.READER)
            self._asked = await asyncio.to_thread(carry)
        except TesseraError as error:
            self._trouble(str(error))
            return
        self._store.publish(await asyncio.to_thread(self._store.read))
        n = len(self._store.names()) - before
        asks = f" {len(self._asked)} are unsure: say which fit." if self._asked else ""
        self._said.object = wrap(f"<p class='quiet ts-said'>{n} names copied from {escape(source)}.{asks}</p>")
        self._show_unsure()

    def _question(self, item: Suggestion, why: str) -> pn.Row:
        """What is known, and a button for each answer."""
        title = escape(self._store.title(item.cluster))
        text = f"<b>{title}</b> ({item.kind}): {item.share:.0%} {escape(why)}"
        row = pn.Row(html(text, sizing_mode=None, width=460, align="center"), css_classes=["ts-question"])
        values = [(item.value, item.share), *item.others]
        for value, share in values:
            row.append(self._answer(item, value, f"{value} ({share:.0%})" if len(values) > 1 else f"Keep {value}"))
        row.append(self._answer(item, "", "None of these" if len(values) > 1 else "Take it away"))
        return row

    def _answer(self, item: Suggestion, value: str, label: str) -> Any:
        button = pmui.Button(label=label, size="small", variant="outlined", css_classes=["ts-answer"])
        say = name_cluster if item.kind == "name" else mark_cluster

        def decide(clustering: Clustering, author: str) -> None:
            say(clustering.workspace, clustering.run, clustering.interval, item.cluster, value, author=author)

        async def clicked(_: Any) -> None:
            self._asked = [other for other in self._asked if other != item]
            if await self._decider.do(decide, f"{self._store.title(item.cluster)}: said."):
                self._show_unsure()

        button.on_click(clicked)
        return button
