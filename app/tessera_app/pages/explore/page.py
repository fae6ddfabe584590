"""Explore: one screen to name clusters on. The workbench shows and asks.

This hands it what is known and does what it asks.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import panel as pn
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering

from tessera_app.components.map_colours import MapColours
from tessera_app.components.panel import EmbeddingMap, Workbench
from tessera_app.decider import decided as decide_about
from tessera_app.latest import Latest
from tessera_app.pages.explore.asks import Answer, Ask, Lasso, perform
from tessera_app.pages.explore.decided import decided, most_to_gain
from tessera_app.pages.explore.facts import inside_lasso
from tessera_app.pages.explore.slide_pane import SlidePane
from tessera_app.store import PAGES, Store

_OTHER = ("start", "map", "recluster", "page", "select", "whole")  # asks that decide nothing about the clustering


class ExplorePage(pn.viewable.Viewer):
    """List, open cluster, map and slide of one clustering."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._map = EmbeddingMap(
            height_px=0, sizing_mode="stretch_both", dark=store.param.dark, seen=store.map_window, carded=False
        )
        self._colours = MapColours(store, self._map)
        self._slide = SlidePane(store)
        self._bench = Workbench(
            map=self._map,
            viewer=self._slide.viewer,
            cluster=max(store.cluster, -1),
            dark=store.param.dark,
            help=store.param.help,
            sizing_mode="stretch_both",
            css_classes=["ts-workbench"],
        )
        self._here = threading.local()  # callbacks of one session run in several threads
        self._busy, self._done = asyncio.Lock(), 0
        self._lassos = Latest(
            lambda text: setattr(self._bench, "lasso", {"n": 0, "mix": [], "tiles": [], "help": text})
        )
        bench = self._bench
        bench.param.watch(self._asked, "asks")
        bench.param.watch(lambda event: self._opened_in_list(event.new), "cluster")
        bench.param.watch(lambda event: setattr(store, "tile", event.new), "tile")
        bench.param.watch(lambda event: setattr(store, "slide", event.new), "slide")
        bench.param.watch(lambda *_: self._let_go(), "let_go")
        bench.param.watch(lambda *_: setattr(store, "visits", store.visits + 1), "visit")
        bench.param.watch(lambda event: setattr(self._map, "compared", event.new), "compared")
        self._map.param.watch(lambda event: self._pick(event.new), "picked")
        self._map.param.watch(lambda *_: self._show_lasso(), "polygon")
        self._map.param.watch(lambda event: self._opened_on_map(event.new), "highlight")
        self._map.param.watch(lambda event: setattr(store, "map_window", event.new), "seen")
        store.param.watch(lambda event: setattr(self._map, "seen", event.new), "map_window")
        store.param.watch(lambda *_: self._draw(), ["shown", "names_version", "current", "author"])
        store.param.watch(lambda *_: self._draw_note(), ["activities", "failures"])
        store.param.watch(lambda *_: self._open(), "cluster")
        store.param.watch(lambda event: setattr(bench, "slide", event.new), "slide")
        store.param.watch(lambda *_: self._show_selection(), ["selection", "shown"])
        self._draw()
        self._show_selection()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._bench

    # ---- what is known

    def _draw(self) -> None:
        run, interval, _ = self._store.shown
        clustering = self._store.clustering()
        self._draw_note()
        if clustering is None:
            self._bench.param.update(source={}, decided={}, empty=self._empty())
            self._map.param.update(url="", ids=[], colours=[], labels=[])
            return
        self._open()
        row = self._store.current
        version = f"{row.id if row is not None else 0}-{self._store.edits()}"
        about = decided(self._store.workspace, run, self._store.who())
        self._bench.param.update(source={"run": run, "interval": interval, "version": version}, decided=about)
        self._draw_map(clustering, version)

    def _draw_map(self, clustering: Clustering, version: str) -> None:
        mapped = self._store.mapped()
        self._map.param.update(
            url="" if mapped is None else f"points/{clustering.run}/{clustering.interval}/{mapped}?v={version}",
        )
        self._light(self._store.cluster)
        self._colours.draw()

    def _empty(self) -> dict[str, str]:
        """What stands where clusters would be."""
        run = self._store.current
        if run is None:
            text = (
                "Tessera looks at the tiles of your slides and puts those together that look alike. You then name the "
                "groups."
            )
            return {"title": "Nothing has been grouped yet", "text": text, "button": "Go to Run"}
        if run.state == "failed":
            return {"title": f"{run.name} failed before its first clusters", "text": run.message, "button": "Go to Run"}
        text = "Its clusters appear here by themselves after its first look at all tiles."
        return {"title": f"{run.name} has no clusters yet", "text": text, "button": "Go to Run"}

    def _draw_note(self) -> None:
        """What stands over the map while it is not that of the clustering."""
        run, interval, maps = self._store.shown
        work = [item for item in self._store.activities if item.kind == "map" and item.run == run]
        failed = [item for item in self._store.failures if item.kind == "map" and item.run == run]
        last = self._store.current.interval if self._store.current is not None else -1
        note: dict[str, Any] = {}
        if interval < 0:
            note = {"text": "The map appears with the first clusters."}
        elif work:
            note = {"text": "The map is being computed; it appears here when it is ready.", "over": bool(maps)}
        elif last not in maps:
            why = f"The map could not be made: {failed[0].message} " if failed else ""
            other = f"Tiles lie as on the map of clustering {self._store.mapped()}. " if maps else ""
            note = {"text": f"{why}{other}", "button": "Make the map", "over": bool(maps)}
        elif interval not in maps:
            note = {"text": f"Tiles lie as on the map of clustering {self._store.mapped()}.", "over": True}
        self._bench.note = note

    # ---- what is open

    def _open(self) -> None:
        """Open what the store says.

        The one that took it in, or the one to name next, where that is not there (any more).
        """
        clustering, cluster = self._store.clustering(), self._store.cluster
        if clustering is None:
            return
        if cluster != -1 and cluster not in clustering.ids:
            state = self._store.decided()
            while cluster in state.merged:
                cluster = state.merged[cluster]
            self._store.cluster = cluster if cluster in clustering.ids else most_to_gain(clustering, state)
            return
        if self._store.cluster != cluster:
            return  # opened in another thread meanwhile, which shows it
        if not getattr(self._here, "from_list", False):
            self._bench.cluster = cluster
        self._light(cluster)

    def _opened_in_list(self, cluster: int) -> None:
        """The workbench shows already what it opened: it must not hear of it late, when it has opened the next."""
        self._here.from_list = True
        try:
            self._store.cluster = cluster
        finally:
            self._here.from_list = False
        if self._bench.cluster == cluster != self._store.cluster:
            self._open()  # it is not there any more: another one is open instead

    def _light(self, cluster: int) -> None:
        """Light a cluster on the map. What we set ourselves must not come back as somebody's choice.

        Callbacks of one session run in several threads: meanwhile another cluster may have been opened.
        """
        self._here.lighting = True
        try:
            self._map.highlight = cluster
        finally:
            self._here.lighting = False

    def _opened_on_map(self, cluster: int) -> None:
        """A label was clicked, or the ground, which opens nothing."""
        if not getattr(self._here, "lighting", False):
            self._store.cluster = cluster

    def _pick(self, tile: int) -> None:
        clustering = self._store.clustering()
        if clustering is not None and 0 <= tile < len(clustering.labels):
            self._store.param.update(tile=tile, cluster=int(clustering.labels[tile]))

    # ---- the lasso

    def _lasso(self) -> Lasso:
        return Lasso(self._store.mapped(), self._map.polygon)

    def _show_lasso(self) -> None:
        clustering, lasso = self._store.clustering(), self._lasso()
        if clustering is None or lasso.map_interval is None or len(self._map.polygon) < 3:
            self._bench.lasso = {}
        else:
            self._lassos.load(
                lambda: inside_lasso(clustering, lasso), lambda found: setattr(self._bench, "lasso", found)
            )

    def _let_go(self) -> None:
        self._store.selection = -1
        if self._map.polygon:
            self._map.polygon = []

    def _show_selection(self) -> None:
        """Draw a kept selection again; it holds on the map that it was drawn on."""
        found = [one for one in self._store.decided().selections if one.decision == self._store.selection]
        if not found:
            return
        if found[0].map_interval != self._store.mapped() and pn.state.notifications is not None:
            text = f"{found[0].name} was drawn on the map of clustering {found[0].map_interval}"
            pn.state.notifications.warning(text)
        self._map.polygon = [list(corner) for corner in found[0].polygon]

    # ---- what is asked

    async def _asked(self, _: Any) -> None:
        async with self._busy:
            waiting = [ask for ask in self._bench.asks if int(ask.get("n", 0)) > self._done]
            if not waiting:
                return
            errors: dict[str, str] = {}
            answer = Answer()
            for ask in waiting:
                try:
                    answer = await self._answer(ask)
                except TesseraError as error:
                    errors[str(ask["n"])] = str(error)
                self._done = int(ask["n"])
            self._store.publish(await asyncio.to_thread(self._store.read))
            self._bench.answered = {"n": self._done, "errors": errors, "said": answer.said, "open": answer.cluster}

    async def _answer(self, ask: Ask) -> Answer:
        if ask.get("do") in _OTHER:
            self._steer(ask)
            return Answer()
        lasso = self._lasso()
        answer = await decide_about(self._store, lambda clustering, author: perform(ask, clustering, author, lasso))
        if ask.get("lasso"):
            self._let_go()
        return answer

    def _steer(self, ask: Ask) -> None:
        """What is asked and decides nothing about the clustering."""
        kind, run, author = ask["do"], self._store.run, self._store.who()
        if kind == "start":
            self._store.page = PAGES.index("run")
        elif kind == "page" and ask.get("page") in PAGES:
            self._store.page = PAGES.index(ask["page"])
        elif kind == "map":
            self._store.start("project", run)
        elif kind == "recluster":
            self._store.start("recluster", run, *([f"--author={author}"] if author else []))
        elif kind == "select":
            self._store.selection = int(ask.get("decision", -1))
