"""Name the open cluster."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from app.page import alarm, html, wrap
from app.state import Store
from core.curate.decisions import name_cluster
from core.errors import TesseraError


class Naming(pn.viewable.Viewer):
    """A field for the name and one for who gives it."""

    visible = param.Boolean(True)

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._named: tuple[int, str] = (-1, "")
        self._name = pmui.TextInput(
            label="name of this cluster",
            placeholder="e.g. tumour, stroma, fat, artefact",
            size="small",
            width=270,
            css_classes=["ts-name"],
        )
        self._author = pmui.TextInput(label="your name", size="small", width=150, css_classes=["ts-author"])
        self._save = pmui.Button(label="Save name", variant="contained", css_classes=["ts-save-name"])
        self._said = html()
        self._save.on_click(self._clicked)
        self._name.param.watch(self._clicked, "enter_pressed")
        self._author.value = store.author or pn.state.user or ""
        self._author.param.watch(lambda event: setattr(store, "author", event.new or ""), "value")
        store.param.watch(lambda *_: self._draw(), ["cluster", "names_version", "run"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(pn.Row(self._name, self._author, self._save), self._said, visible=self.param.visible)

    def _draw(self) -> None:
        """Show the present name, but leave what somebody is typing alone when another name changed elsewhere."""
        now = (self._store.cluster, self._store.names().get(self._store.cluster, ""))
        if now != self._named:
            self._named = now
            self._name.value = self._name.value_input = now[1]
            self._said.object = wrap("")

    async def _clicked(self, _: Any) -> None:
        view = self._store.view()
        if view is None:
            return
        text = self._name.value_input if self._name.value_input is not None else self._name.value
        author = self._author.value_input or self._author.value or ""
        try:
            await asyncio.to_thread(
                name_cluster,
                self._store.workspace,
                view.run,
                view.interval,
                self._store.cluster,
                text or "",
                author=author,
            )
        except TesseraError as error:
            self._said.object = wrap(alarm(str(error)))
            return
        self._store.author = author
        self._store.publish(await asyncio.to_thread(self._store.read))
