"""Review page: what the machine proposes, names that may no longer hold, a blind second reader, other clusterings."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui

from tessera_app import access
from tessera_app.page import empty, html, wrap
from tessera_app.pages.review.comparing import Comparing
from tessera_app.pages.review.proposals import Proposals
from tessera_app.pages.review.second_reader import SecondReader
from tessera_app.pages.review.transfer import TransferPanel
from tessera_app.store import Store

_NONE = "Start a run on the Run page, and name some of its clusters on the Explore page."


class ReviewPage(pn.viewable.Viewer):
    """Four parts of one page."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._head = html()
        self._author = pmui.TextInput(
            label="your name",
            value=store.who(),
            size="small",
            width=190,
            disabled=access.has_login(),
            css_classes=["ts-review-author"],
        )
        self._why = html(
            wrap("<p class='quiet'>What you accept or read on this page is signed with it in the history.</p>")
        )
        self._author.param.watch(lambda event: setattr(store, "author", event.new or ""), "value")
        store.param.watch(lambda *_: setattr(self._author, "value", store.who()), "author")
        comparing = Comparing(store)
        self._parts = pmui.Tabs(
            ("From a few names to all tiles", Proposals(store)),
            ("Names to check", TransferPanel(store)),
            ("Blind second reader", SecondReader(store)),
            ("Other clusterings", comparing),
            sizing_mode="stretch_width",
            css_classes=["ts-review-parts"],
        )
        self._parts.param.watch(lambda event: setattr(comparing, "active", event.new == 3), "active")
        store.param.watch(lambda *_: self._draw(), "shown")
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(
            self._head,
            pn.Row(self._author, self._why, sizing_mode="stretch_width"),
            self._parts,
            sizing_mode="stretch_width",
        )

    def _draw(self) -> None:
        there = self._store.shown[1] >= 0
        self._head.object = wrap("" if there else empty("Nothing to review yet", _NONE))
        self._parts.visible = self._author.visible = self._why.visible = there
