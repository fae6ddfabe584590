"""Slide page: one slide to move about in, its clusters over it, and a switch for each of them."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.curate.looks import cluster_looks
from tessera.explore.clustering import Clustering

from tessera_app.components.map_colours import properties
from tessera_app.components.panel import ClusterSwitches, SlideViewer
from tessera_app.latest import Latest
from tessera_app.page import alarm, empty, html, term, waiting, wrap
from tessera_app.pages.slide.facts import SlideFacts, around, read_slide, rows_of, slide_choices
from tessera_app.store import PAGES, Store

_PAGE = PAGES.index("slide")
_TALL = "max(420px, calc(100vh - 82px))"  # all that the bar of the page leaves
_BY = {"name": "name", "cluster": "cluster", "kind": "kind"}
_NONE = "Slides appear here as they are cut into tiles. Ready-made tile images have no slide to show."
_GONE = (
    "The file of this slide is no longer there. You see its overview, its tiles as they are stored and its clusters; "
    "put the file back to "
    "see the rest: {path}"
)
_HELP = (
    "Click a tile to mark it on every page. Keys: + and − zoom, arrows move, 0 shows the whole slide, o hides the "
    "clusters."
)


class SlidePage(pn.viewable.Viewer):
    """A slide of the workspace; follows the marked tile and the open cluster. It reads only while it is looked at."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._facts: SlideFacts | None = None
        self._to_go = True  # a tile that the address names
        self._choose = pmui.Select(
            label="slide",
            options={},
            searchable=True,
            size="small",
            sizing_mode="stretch_width",
            css_classes=["ts-choose-slide"],
        )
        self._none, self._head = html(waiting("Reading the slides…")), html()
        self._about, self._note = html(), html()
        self._viewer = SlideViewer(
            picked=store.tile,
            height_px=0,
            sizing_mode="stretch_width",
            styles={"height": _TALL},
            margin=0,
            visible=False,
            dark=store.param.dark,
        )
        self._by = pmui.Select(
            label="colour by", options=_BY, value="name", size="small", width=150, css_classes=["ts-slide-by"]
        )
        self._switches = ClusterSwitches(
            height_px=0, sizing_mode="stretch_width", margin=(5, 10), dark=store.param.dark
        )
        self._side = pn.Column(
            self._choose,
            self._head,
            self._about,
            self._by,
            self._switches,
            width=320,
            visible=False,
            styles={"max-height": _TALL, "overflow": "auto", "padding-top": "8px"},
        )
        self._loads = Latest(lambda text: setattr(self._note, "object", wrap(alarm(text))))
        self._choose.param.watch(lambda event: self._chosen(event.new), "value")
        self._by.param.watch(lambda *_: self._name(), "value")
        self._viewer.param.watch(lambda event: self._pick(event.new), "picked")
        self._viewer.param.watch(lambda *_: self._look_again(), "failed")
        self._viewer.param.watch(lambda event: self._moved(event.new), "seen")
        store.param.watch(lambda *_: self._come_back(), "slide_window")
        self._switches.param.watch(lambda event: setattr(self._viewer, "hidden", event.new), "hidden")
        self._switches.param.watch(lambda event: setattr(store, "cluster", event.new), "chosen")
        store.param.watch(lambda *_: self._load(), ["page", "cohort", "shown", "slide", "names_version"])
        store.param.watch(lambda *_: self._tile_marked(), "tile")
        store.param.watch(lambda *_: self._visit(), "visits")
        store.param.watch(lambda event: setattr(self._switches, "chosen", event.new), "cluster")
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        left = pn.Column(self._none, self._note, self._viewer, sizing_mode="stretch_width", min_width=380)
        return pn.Row(left, pn.Spacer(width=12), self._side, sizing_mode="stretch_width")

    def _load(self) -> None:
        if self._store.page != _PAGE:
            return
        clustering, wanted, tile = self._store.clustering(), self._store.slide, self._store.tile
        workspace = self._store.workspace

        def read() -> tuple[dict[str, int], SlideFacts | None]:
            choices = slide_choices(workspace)
            known = set(choices.values())
            chosen = wanted if wanted in known else _slide_of(clustering, tile)
            if chosen not in known:
                chosen = next(iter(choices.values()), -1)
            return choices, read_slide(workspace, chosen, clustering) if chosen in known else None

        self._loads.load(read, lambda found: self._show(*found))

    def _show(self, choices: dict[str, int], facts: SlideFacts | None) -> None:
        self._facts = facts
        self._viewer.visible = self._side.visible = facts is not None
        if facts is None:
            self._none.param.update(object=wrap(empty("No slide to show", _NONE)), visible=True)
            return
        self._none.visible = False
        self._choose.param.update(options=choices, value=facts.slide_id)
        self._head.object = wrap(f"<h2 class='ts-slide-name'>{escape(facts.name)}</h2><p class='quiet'>{_HELP}</p>")
        self._note.param.update(object=wrap(_note(facts)), visible=facts.gone)
        self._about.object = wrap(_about(facts, self._store.clustering()))
        clustering = self._store.clustering()
        version = (
            "" if clustering is None or not facts.cells_url else f"?v={self._store.current.id}-{self._store.edits()}"
        )
        if facts.about != self._viewer.slide or facts.cells_url + version != self._viewer.cells_url:
            self._viewer.param.update(slide=facts.about, cells_url=facts.cells_url + version)
        self._name()
        self._come_back()
        self._go()

    def _moved(self, seen: dict[str, Any]) -> None:
        """Somebody moved the view: the address says so."""
        if self._facts is not None and seen.get("slide") == self._facts.slide_id:
            self._store.slide_window = list(seen["box"])

    def _come_back(self) -> None:
        """Show the part of the slide that the address names."""
        facts, box = self._facts, self._store.slide_window
        if (
            facts is not None
            and len(box) == 4
            and facts.slide_id == (self._store.slide if self._store.slide >= 0 else facts.slide_id)
        ):
            self._viewer.seen = {"slide": facts.slide_id, "box": box}
            self._to_go = False

    def _chosen(self, slide: int | None) -> None:
        if slide is not None and (self._facts is None or slide != self._facts.slide_id):
            self._store.param.update(slide=slide, slide_window=[])

    def _name(self) -> None:
        """Names and colours of the slide's clusters."""
        if self._facts is None:
            return
        state, ids = self._store.decided(), [cluster for cluster, _ in self._facts.clusters]
        by = "cluster" if self._by.value == "name" and not state.names else self._by.value  # all would be grey
        looks = cluster_looks(state, ids, by)
        self._viewer.param.update(**properties(looks))
        self._switches.param.update(rows=rows_of(self._facts.clusters, looks), chosen=self._store.cluster)

    def _tile_marked(self) -> None:
        """Change to the slide of a tile that another page marked."""
        clustering, tile = self._store.clustering(), self._store.tile
        self._to_go = tile != self._viewer.picked
        self._viewer.picked = tile
        slide = _slide_of(clustering, tile)
        if self._to_go and slide >= 0:
            self._store.param.update(slide=slide, slide_window=[])
            self._go()

    def _visit(self) -> None:
        self._to_go = True
        self._store.slide_window = []
        self._go()

    def _go(self) -> None:
        """Go to the marked tile, once, when its slide is shown."""
        clustering, tile = self._store.clustering(), self._store.tile
        if (
            self._to_go
            and clustering is not None
            and self._facts is not None
            and _slide_of(clustering, tile) == self._facts.slide_id
        ):
            self._to_go = False
            goto = {**around(clustering, tile), "visit": self._store.visits}  # the same place again is a change
            self._viewer.param.update(goto=goto, seen={})

    def _pick(self, tile: int) -> None:
        clustering = self._store.clustering()
        if clustering is None or not 0 <= tile < len(clustering.labels) or tile == self._store.tile:
            return
        cluster = int(clustering.labels[tile])
        self._store.param.update(tile=tile, cluster=cluster if cluster >= 0 else self._store.cluster)

    def _look_again(self) -> None:
        """A part could not be read: has the file been deleted meanwhile?"""
        if self._facts is not None and not self._facts.gone:
            self._load()


def _slide_of(clustering: Clustering | None, tile: int) -> int:
    return int(clustering.index.slide[tile]) if clustering is not None and 0 <= tile < len(clustering.labels) else -1


def _note(facts: SlideFacts) -> str:
    return alarm(_GONE.format(path=facts.path), "warning") if facts.gone else ""


def _about(facts: SlideFacts, clustering: Clustering | None) -> str:
    width, height, mpp = facts.about["width"], facts.about["height"], facts.about["mpp"]
    size = f"{width:,} × {height:,} px"
    if mpp:
        size += f" · {mpp:.3f} µm/px · {width * mpp / 1000:.1f} × {height * mpp / 1000:.1f} mm"
    if clustering is None:
        return f"<p class='quiet'>{size}</p><p class='quiet'>No clusters yet: start a run on the Run page.</p>"
    if not facts.clusters:
        return f"<p class='quiet'>{size}</p><p class='quiet'>None of this slide's tiles is in a {term('cluster')}.</p>"
    n = sum(size for _, size in facts.clusters)
    words = (
        f"{n:,} tiles in {len(facts.clusters)} {term('cluster', 'clusters')} of {escape(clustering.run)}, clustering "
        f"{clustering.interval}"
    )
    if facts.n_unassigned > 0:
        words += f", {facts.n_unassigned:,} in none"
    return f"<p class='quiet'>{size}</p><p class='quiet'>{words}</p>"
