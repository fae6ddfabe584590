"""The page: header, what is going on, four tabs; one poll a second. Everything per session is built here."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.io.state import state

from app.page import going_on, html, wrap
from app.state import Store
from app.theme import BLUE
from app.views.cohort import CohortPage
from app.views.explore import ExplorePage
from app.views.export import ExportPage
from app.views.run import RunPage

POLL_MS = 1000


def build() -> pmui.Page:
    """A new session's page."""
    pn.extension("tabulator", notifications=True)
    store = Store()
    doing = html(wrap(going_on(store.activities)))
    store.param.watch(lambda _: setattr(doing, "object", wrap(going_on(store.activities))), "activities")
    tabs = pmui.Tabs(
        ("Cohort", CohortPage(store)), ("Run", RunPage(store)), ("Explore", ExplorePage(store)), ("Export", ExportPage(store)),
        active=2 if store.view() is not None else 0, sizing_mode="stretch_width", css_classes=["ts-tabs"],
    )  # fmt: skip
    _poll_while_open(store)
    if pn.state.location:
        pn.state.location.sync(store, ["run", "cluster", "tile"])
        pn.state.location.sync(tabs, {"active": "page"})
    return make_page(
        title="Tessera", main=[pn.Column(doing, tabs, sizing_mode="stretch_width", margin=(8, 20))],
        theme_config={"palette": {"primary": {"main": BLUE}}}, theme_toggle=False,
    )  # fmt: skip


def _poll_while_open(store: Store) -> None:
    async def poll() -> None:
        found = await asyncio.to_thread(store.read)
        changed = {name: value for name, value in found.items() if getattr(store, name) != value}
        if changed:
            store.param.update(**changed)

    if pn.state.curdoc is not None:
        pn.state.add_periodic_callback(poll, period=POLL_MS)


def make_page(**settings: Any) -> pmui.Page:
    """A page that does not leak: `pmui.Page` watches the process-wide `state.busy` and never lets go (panel.md, 9)."""

    def watchers() -> list[Any]:
        return list(state.param.watchers.get("busy", {}).get("value", []))

    before = watchers()
    page = pmui.Page(**settings)
    mine = [watcher for watcher in watchers() if watcher not in before]
    pn.state.on_session_destroyed(lambda _: [state.param.unwatch(watcher) for watcher in mine])
    return page
