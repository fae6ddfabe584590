"""The slide below the map: that of the marked tile, else the one with most tiles of the open cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
from tessera.curate.looks import cluster_looks
from tessera.explore.clustering import Clustering

from tessera_app.components.map_colours import properties
from tessera_app.components.panel import SlideViewer
from tessera_app.latest import Latest
from tessera_app.pages.slide.facts import SlideFacts, around, read_slide, slide_choices
from tessera_app.store import PAGES, Store

_PAGE = PAGES.index("explore")


class SlidePane:
    """Shows a slide while Explore is looked at."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._facts: SlideFacts | None = None
        self.viewer = SlideViewer(height_px=0, sizing_mode="stretch_both", opacity=0.55, dark=store.param.dark)
        self._loads = Latest(lambda _: None)
        self._choices = Latest(lambda _: None)
        self.viewer.param.watch(lambda event: self._pick(event.new), "picked")
        self.viewer.param.watch(lambda event: self._looked(event.new), "seen")
        store.param.watch(lambda *_: self._come_back(), "slide_window")
        store.param.watch(lambda *_: self._choose(), ["cluster", "shown", "page"])
        store.param.watch(lambda *_: self._load(), ["slide", "shown", "page", "cohort"])
        store.param.watch(lambda *_: self._name(), ["names_version", "cluster"])
        store.param.watch(lambda *_: self._tile_marked(), ["tile", "visits"])
        self._tile_marked()
        self._choose()
        self._load()

    def _choose(self) -> None:
        """Change to a slide with tiles of the open cluster, unless this one has at least half as many as the best."""
        clustering, cluster, slide, tile = (
            self._store.clustering(),
            self._store.cluster,
            self._store.slide,
            self._store.tile,
        )
        if clustering is None or self._store.page != _PAGE or (cluster not in clustering.ids and slide >= 0):
            return
        if 0 <= tile < len(clustering.labels) and clustering.labels[tile] == cluster:
            return  # somebody looks at a tile of it: its slide is shown

        def read() -> int:
            return _best_slide(clustering, cluster, slide)

        def show(found: int) -> None:
            if found >= 0:
                self._store.slide = found

        self._choices.load(read, show)

    def _load(self) -> None:
        slide, clustering, workspace = self._store.slide, self._store.clustering(), self._store.workspace
        if self._store.page != _PAGE or slide < 0:
            return

        def read() -> SlideFacts | None:
            known = set(slide_choices(workspace).values())
            return read_slide(workspace, slide, clustering) if slide in known else None

        self._loads.load(read, self._show)

    def _show(self, facts: SlideFacts | None) -> None:
        moved = self._facts is not None and (facts is None or facts.slide_id != self._facts.slide_id)
        self._facts = facts
        if moved:
            self._store.slide_window = []
        self.viewer.visible = facts is not None
        if facts is None:
            return
        row = self._store.current
        version = f"?v={row.id}-{self._store.edits()}" if row is not None and facts.cells_url else ""
        if facts.about != self.viewer.slide or facts.cells_url + version != self.viewer.cells_url:
            self.viewer.param.update(slide=facts.about, cells_url=facts.cells_url + version)
        self._name()
        self._go()
        self._come_back()

    def _name(self) -> None:
        if self._facts is None:
            return
        state, ids = self._store.decided(), [cluster for cluster, _ in self._facts.clusters]
        looks = cluster_looks(state, ids)
        unnamed = [
            cluster
            for cluster, name, colour in zip(ids, looks.names, looks.colours, strict=True)
            if not (name or colour)
        ]
        self.viewer.param.update(**properties(looks), hidden=unnamed, opened=[self._store.cluster])

    def _tile_marked(self) -> None:
        clustering, tile = self._store.clustering(), self._store.tile
        if clustering is None or not 0 <= tile < len(clustering.labels):
            return
        slide = int(clustering.index.slide[tile])
        if slide != self._store.slide:
            self._store.slide = slide  # which loads it, and goes there
        else:
            self._go()

    def _go(self) -> None:
        """Go to the marked tile, when its slide is shown."""
        clustering, tile, facts = self._store.clustering(), self._store.tile, self._facts
        if clustering is None or facts is None or not 0 <= tile < len(clustering.labels):
            return
        if tile != self.viewer.picked and int(clustering.index.slide[tile]) == facts.slide_id:
            self.viewer.param.update(
                picked=tile, goto={**around(clustering, tile), "visit": self._store.visits}, seen={}
            )

    def _looked(self, seen: dict[str, Any]) -> None:
        """Somebody moved the slide: the address says where to."""
        if seen.get("slide") == self._store.slide:
            self._store.slide_window = [round(float(value), 5) for value in seen["box"]]

    def _come_back(self) -> None:
        """Show the part of the slide that a link or Back names."""
        box, facts = self._store.slide_window, self._facts
        known = [round(float(value), 5) for value in self.viewer.seen.get("box", [])]
        if facts is not None and len(box) == 4 and box != known:
            self.viewer.seen = {"slide": facts.slide_id, "box": box}

    def _pick(self, tile: int) -> None:
        clustering = self._store.clustering()
        if clustering is None or not 0 <= tile < len(clustering.labels) or tile == self._store.tile:
            return
        cluster = int(clustering.labels[tile])
        changes: dict[str, Any] = {"tile": tile, "cluster": cluster if cluster >= 0 else self._store.cluster}
        self._store.param.update(**changes)


def _best_slide(clustering: Clustering, cluster: int, present: int) -> int:
    slides = clustering.index.slide[: len(clustering.labels)]
    own = slides[clustering.labels == cluster] if cluster in clustering.ids else slides
    counts = np.bincount(own)
    if not len(counts):
        return -1
    if 0 <= present < len(counts) and 2 * counts[present] >= counts.max():
        return present
    return int(counts.argmax())
