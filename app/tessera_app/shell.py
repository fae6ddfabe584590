"""The page: a thin bar, below it six pages of which one is shown; one poll a second.

Everything per session is built here.
"""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.io.notifications import NotificationAreaBase
from panel.io.state import state
from tessera.errors import TesseraError
from tessera.workspace.folder import default_root

from tessera_app import address
from tessera_app.bar import Bar
from tessera_app.page import alarm, empty, going_on, html, wrap
from tessera_app.pages.cohort.page import CohortPage
from tessera_app.pages.explore.page import ExplorePage
from tessera_app.pages.export.page import ExportPage
from tessera_app.pages.review.page import ReviewPage
from tessera_app.pages.run.page import RunPage
from tessera_app.pages.slide.page import SlidePage
from tessera_app.store import PAGES, Store
from tessera_app.theme import THEME

POLL_MS = 1000
_WHOLE = ("Explore",)  # pages that fill the window and scroll in themselves


def build() -> pmui.Page:
    """A new session's page."""
    pn.extension("tabulator", notifications=True)
    try:
        store = Store()
    except TesseraError as error:
        why = f"{alarm(str(error))} This page looks for the workspace <code>{escape(str(default_root()))}</code>."
        return make_page(main=[html(empty("The workspace cannot be opened", why))])
    if pn.state.location:
        address.go(store, pn.state.location.search)
        if "page" not in pn.state.location.query_params and store.shown[1] >= 0:
            store.page = PAGES.index("explore")  # there are clusters: begin with what people come for
    pages = _pages(store)
    _poll_while_open(store)
    page = make_page(
        header=[Bar(store, list(pages))],
        main=[pn.Column(*pages.values(), sizing_mode="stretch_both", margin=0, css_classes=["ts-pages"])],
        dark_theme=store.dark,
    )
    store.param.watch(lambda event: setattr(page, "dark_theme", event.new), "dark")
    return page


def _pages(store: Store) -> dict[str, pn.Column]:
    """Title and page of each place. A page is built when it is first opened, and stays.

    The first need not wait for the others.
    """
    makers = {
        "Cohort": CohortPage,
        "Run": RunPage,
        "Explore": ExplorePage,
        "Slide": SlidePage,
        "Review": ReviewPage,
        "Export": ExportPage,
    }
    pages = {title: _frame(title in _WHOLE) for title in makers}

    def show_open_page(*_: Any) -> None:
        title = list(makers)[store.page]
        if not pages[title].objects:
            if title not in _WHOLE:
                pages[title].append(_doing(store))
            pages[title].append(makers[title](store))
        for other, column in pages.items():
            column.visible = other == title

    store.param.watch(show_open_page, "page")
    show_open_page()
    return pages


def _frame(whole: bool) -> pn.Column:
    """Room for a page below the bar: as large as the window, or with its own scroll bar."""
    inside = {"inset": "0"} if whole else {"inset": "0", "overflow": "auto", "padding": "8px 24px"}
    return pn.Column(visible=False, margin=0, sizing_mode="stretch_both", styles={"position": "absolute", **inside})


def _doing(store: Store) -> pn.pane.HTML:
    """What is being done right now, on every page."""
    pane = html(going_on(store.activities), css_classes=["ts-going-on"])
    store.param.watch(lambda *_: setattr(pane, "object", wrap(going_on(store.activities))), "activities")
    return pane


def _poll_while_open(store: Store) -> None:
    async def poll() -> None:
        store.publish(await asyncio.to_thread(store.read))

    if pn.state.curdoc is not None:
        pn.state.add_periodic_callback(poll, period=POLL_MS)


def make_page(**settings: Any) -> pmui.Page:
    """A page that does not leak, and does not slow everything down.

    `pmui.Page` watches the process-wide `state.busy` and never lets go (panel.md, 9), which held the whole session; and
    each time something begins or ends to be done, it looks through every model of the page to tell the browser. Parts
    of our pages say themselves when they wait. Its area for notifications stays in the process-wide `state._views`.
    """

    def watchers() -> list[Any]:
        return list(state.param.watchers.get("busy", {}).get("value", []))

    before = watchers()
    page = pmui.Page(title="Tessera", theme_config=THEME, theme_toggle=False, busy_indicator=None, **settings)
    for watcher in watchers():
        if watcher not in before:
            state.param.unwatch(watcher)
    document = pn.state.curdoc

    def forget(_: Any) -> None:
        for ref, (shown, _root, owner, _comm) in list(state._views.items()):
            if owner is document and isinstance(shown, NotificationAreaBase):
                del state._views[ref]

    pn.state.on_session_destroyed(forget)
    return page
