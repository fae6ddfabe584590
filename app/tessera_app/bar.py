"""The bar of every page: pages, run and clustering, progress of naming, reader, light or dark; and the address."""

from __future__ import annotations

from typing import Any

import panel as pn
from tessera.workspace.activity import Activity
from tessera.workspace.people import Role

from tessera_app import access, address
from tessera_app.components.panel import TopBar
from tessera_app.page import work_words
from tessera_app.pages.explore.decided import progress
from tessera_app.store import Store


class Bar(pn.viewable.Viewer):
    """Shows the store and changes it; pages never talk to it."""

    def __init__(self, store: Store, titles: list[str], **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._bar = TopBar(
            pages=titles,
            author=store.who(),
            login=access.has_login(),
            may_change=access.may(Role.READER),
            sizing_mode="stretch_width",
            height=48,
            margin=0,
            css_classes=["ts-bar"],
        )
        for name in ("page", "dark", "help"):
            store.param.watch(lambda event, name=name: setattr(self._bar, name, event.new), name)
            self._bar.param.watch(lambda event, name=name: setattr(store, name, event.new), name)
        self._bar.param.watch(lambda event: setattr(store, "author", event.new), "author")
        self._bar.param.watch(lambda event: self._choose_run(event.new), "run")
        self._bar.param.watch(lambda event: self._choose_interval(event.new), "interval")
        self._bar.param.watch(lambda event: self._go(event.new), "went")
        store.param.watch(
            lambda *_: self._draw(), ["run_names", "run_states", "current", "shown", "names_version", "activities"]
        )
        store.param.watch(lambda *_: self._write(), [*address.WRITTEN, "shown"])
        self._bar.param.update(page=store.page, dark=store.dark, help=store.help)
        self._draw()
        self._write()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._bar

    def _go(self, went: dict[str, Any]) -> None:
        """Back or Forward: what was written late of the view before must not become a step of its own."""
        address.go(self._store, str(went.get("search", "")))
        self._bar.param.update(address=address.query(self._store), arrived=int(went.get("n", 0)))

    def _write(self) -> None:
        self._bar.address = address.query(self._store)

    def _draw(self) -> None:
        store, clustering = self._store, self._store.clustering()
        last = store.current.interval if store.current is not None else -1
        titles = [f"Clustering {i} of {last}" for i in range(last + 1)]
        self._bar.param.update(
            runs=[{"name": name, "state": store.run_states.get(name, "finished")} for name in store.run_names],
            run=store.run,
            clusterings=[{"interval": i, "title": title} for i, title in reversed(list(enumerate(titles)))],
            interval=max(store.shown[1], 0) if titles else -1,
            progress=progress(clustering, store.decided()) if clustering is not None else {},
            doing=_words(store.activities),
        )

    def _choose_run(self, run: str) -> None:
        if run and run != self._store.run:
            self._store.param.update(run=run, interval=-1)

    def _choose_interval(self, interval: int) -> None:
        current = self._store.current
        if current is not None and interval >= 0 and interval != self._store.shown[1]:
            self._store.interval = -1 if interval == current.interval else interval


def _words(activities: list[Activity]) -> str:
    """What is going on, in a few words."""
    return " · ".join(work_words(item) for item in activities)
