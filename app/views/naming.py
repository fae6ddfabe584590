"""Name the open cluster."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn
import panel_material_ui as pmui

from app.state import Store
from core.curate.decisions import name_cluster
from core.errors import TesseraError


class Naming(pn.viewable.Viewer):
    """A field for the name and one for who gives it."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._name = pmui.TextInput(name="name of the open cluster", size="small", width=260, css_classes=["ts-name"])
        self._author = pmui.TextInput(name="your name", size="small", width=150, css_classes=["ts-author"])
        self._save = pmui.Button(name="Save name", size="small", variant="contained", css_classes=["ts-save-name"])
        self._save.on_click(self._clicked)
        self._author.param.watch(lambda event: setattr(store, "author", event.new), "value")
        store.param.watch(lambda _: self._draw(), ["cluster", "names_version"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Row(self._name, self._author, self._save)

    def _draw(self) -> None:
        self._name.value = self._store.names().get(self._store.cluster, "")
        self._author.value = self._store.author or pn.state.user or ""

    async def _clicked(self, _: Any) -> None:
        view = self._store.view()
        if view is None:
            return
        text, author = self._name.value_input or self._name.value, self._author.value
        try:
            await asyncio.to_thread(
                name_cluster, self._store.workspace, view.run, view.interval, self._store.cluster, text, author=author
            )
        except TesseraError as error:
            pn.state.notifications.error(str(error))
            return
        self._store.author = author
        self._store.poll()
