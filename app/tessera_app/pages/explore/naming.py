"""Name the open cluster and say what it is: tissue, artefact, a mixture."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from tessera.curate.decisions.decide import NAMES, mark_cluster, name_cluster
from tessera.curate.decisions.state import State
from tessera.explore.clustering import Clustering

from tessera_app import access
from tessera_app.decider import Decider
from tessera_app.page import alarm, html, wrap
from tessera_app.store import Store

_MARKS = {"not said": "", "tissue": "tissue", "artefact": "artefact", "mixed": "mixed", "don't know": "unknown"}


class Naming(pn.viewable.Viewer):
    """A field for the name, one for who gives it, and the mark."""

    visible = param.Boolean(True)

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._known: tuple[int, str, str] = (-1, "", "")
        self._name = pmui.AutocompleteInput(
            label="name of this cluster",
            options=list(NAMES),
            restrict=False,
            min_characters=0,
            case_sensitive=False,
            search_strategy="includes",
            size="small",
            width=270,
            css_classes=["ts-name"],
        )
        self._author = pmui.TextInput(label="your name", size="small", width=150, css_classes=["ts-author"])
        self._save = pmui.Button(label="Save name", variant="contained", css_classes=["ts-save-name"])
        self._mark = pmui.RadioButtonGroup(
            options=_MARKS,
            value="",
            size="small",
            css_classes=["ts-mark"],
            margin=(2, 10, 6, 10),
            sx={"& .MuiToggleButton-root": {"whiteSpace": "nowrap"}},
        )
        said = html()
        self._said, self._decider = said, Decider(store, said)
        self._save.on_click(self._clicked)
        self._mark.param.watch(self._marked, "value")
        self._author.value = store.who()
        self._author.disabled = access.has_login()  # who is logged in decides under that name
        self._author.param.watch(lambda event: setattr(store, "author", event.new or ""), "value")
        store.param.watch(lambda *_: self._draw(), ["cluster", "names_version", "run"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(
            pn.Row(self._name, self._author, self._save), self._mark, self._said, visible=self.param.visible
        )

    def _draw(self) -> None:
        """Show what is said at present, but leave what somebody is typing alone when something changed elsewhere."""
        cluster, state = self._store.cluster, self._store.decided()
        now = (cluster, state.names.get(cluster, ""), state.marks.get(cluster, ""))
        if now == self._known:
            return
        before, self._known = self._known, now
        if now[0] != before[0]:
            parent = state.parts.get(cluster, -1)
            of = f" (part of {state.title(parent)})" if parent >= 0 else ""
            self._name.label = f"name of this cluster{of}"
        offered = _offered(state, cluster)
        if self._name.options != offered:
            self._name.options = offered
        if now[:2] != before[:2]:
            self._name.value = self._name.value_input = now[1]
        self._mark.value = now[2]
        if now[0] != before[0]:
            self._decider.clear()

    async def _clicked(self, _: Any) -> None:
        text = self._name.value_input if self._name.value_input is not None else self._name.value
        self._store.author = self._author.value_input or self._author.value or ""
        if not (text or "").strip() and not self._known[1]:
            self._said.object = wrap(alarm("write a name first, or choose one from the list"))
            return
        await self._decider.do(self._namer(self._store.cluster, text or ""))

    @staticmethod
    def _namer(cluster: int, name: str) -> Any:
        def decide(clustering: Clustering, author: str) -> None:
            name_cluster(clustering.workspace, clustering.run, clustering.interval, cluster, name, author=author)

        return decide

    async def _marked(self, event: Any) -> None:
        cluster, mark = self._store.cluster, event.new or ""
        if mark == self._known[2]:
            return  # set by us, to show what is said

        def decide(clustering: Clustering, author: str) -> None:
            mark_cluster(clustering.workspace, clustering.run, clustering.interval, cluster, mark, author=author)

        await self._decider.do(decide)


def _offered(state: State, cluster: int) -> list[str]:
    """Names to choose from: what the cluster was cut from first, then names of this run, then the usual ones."""
    parent = state.names.get(state.parts.get(cluster, -1), "")
    return list(dict.fromkeys([*([parent] if parent else []), *sorted(set(state.names.values())), *NAMES]))
