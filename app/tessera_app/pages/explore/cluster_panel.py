"""The open cluster: its facts, its name, its tiles; or the tiles inside a lasso."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
from tessera.explore.bimodality import TwoKinds, two_kinds
from tessera.explore.clustering import Clustering
from tessera.explore.composition import Part, composition
from tessera.explore.palette import colour
from tessera.words import counted

from tessera_app.components.panel import EmbeddingMap, TileGallery
from tessera_app.latest import Latest
from tessera_app.page import alarm, html, term, wrap
from tessera_app.pages.explore.actions import Actions
from tessera_app.pages.explore.facts import OpenCluster, Rows, lasso, open_cluster
from tessera_app.pages.explore.naming import Naming
from tessera_app.pages.explore.selection_bar import SelectionBar, hint
from tessera_app.pages.explore.similar import SimilarTiles
from tessera_app.store import Store


class ClusterPanel(pn.viewable.Viewer):
    """What is open below the map."""

    def __init__(self, store: Store, points: EmbeddingMap, **params: Any) -> None:
        super().__init__(**params)
        self._store, self._points = store, points
        self._title, self._facts, self._made_of = (
            html(css_classes=["ts-open"]),
            html(),
            html(css_classes=["ts-made-of"]),
        )
        self._naming, self._actions, self._alike = Naming(store), Actions(store), SimilarTiles(store)
        self._gallery = TileGallery(sizing_mode="stretch_width", margin=(5, 10), css_classes=["ts-gallery-pane"])
        self._chosen = SelectionBar(store, self._gallery, points)
        self._loads = Latest(lambda text: setattr(self._facts, "object", wrap(alarm(text))))
        self._parts = Latest(lambda text: setattr(self._made_of, "object", wrap(alarm(text))))
        self._gallery.param.watch(lambda event: self._mark(event.new), "picked")
        points.param.watch(lambda *_: self._load(), "polygon")
        store.param.watch(lambda *_: self._close_lasso(), "cluster")
        store.param.watch(lambda *_: self._load(), ["shown", "names_version"])
        store.param.watch(lambda event: setattr(self._gallery, "picked", event.new), "tile")
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(
            self._title,
            self._naming,
            self._actions,
            self._facts,
            self._alike,
            self._made_of,
            self._chosen,
            self._gallery,
            html(hint()),
            sizing_mode="stretch_width",
        )

    def _close_lasso(self) -> None:
        if self._points.polygon:
            self._points.polygon = []  # which loads the cluster
        else:
            self._load()

    def _load(self) -> None:
        clustering, mapped, cluster, polygon = (
            self._store.clustering(),
            self._store.mapped(),
            self._store.cluster,
            self._points.polygon,
        )
        if clustering is None:
            self._title.object = self._facts.object = self._made_of.object = wrap("")
            self._gallery.rows = []
            self._naming.visible = self._actions.visible = False
            self._alike.hide()
        elif len(polygon) >= 3 and mapped is not None:
            self._loads.load(lambda: lasso(clustering, mapped, polygon), self._show_lasso)
        else:
            self._loads.load(lambda: open_cluster(clustering, cluster), self._show)

    def _show(self, opened: OpenCluster | None) -> None:
        self._naming.visible = self._actions.visible = opened is not None
        if opened is None:
            return
        name = escape(self._store.title(opened.cluster))
        self._title.object = wrap(
            f"<h2><i class='dot' style='background:{colour(opened.cluster)}'></i><span class='ts-open-name'>{name}</span></h2>"
        )
        self._facts.object = wrap(_facts(opened))
        clustering, edits = self._store.clustering(), self._store.edits()
        if clustering is not None:
            self._parts.load(
                lambda: (composition(clustering, opened.cluster), two_kinds(clustering, opened.cluster)),
                lambda found: self._show_parts(clustering, opened.cluster, edits, *found),
            )
        self._gallery.rows = opened.rows
        self._alike.load()

    def _show_parts(
        self, clustering: Clustering, cluster: int, edits: str, parts: dict[str, list[Part]], kinds: TwoKinds | None
    ) -> None:
        picture = f"mean/{clustering.run}/{clustering.interval}/{cluster}?v={edits}"
        self._made_of.object = wrap(_two_kinds(kinds) + _made_of(picture, parts))

    def _show_lasso(self, found: tuple[int, Rows]) -> None:
        n, rows = found
        self._naming.visible = self._actions.visible = False
        self._alike.hide()
        self._title.object = wrap(f"<h2><span class='ts-lasso-count'>{n:,}</span> tiles inside the lasso</h2>")
        self._made_of.object = wrap("")
        self._facts.object = wrap("" if n else "<p class='quiet'>No tile lies inside it; draw a larger one.</p>")
        self._gallery.rows = rows

    def _mark(self, tile: int) -> None:
        if tile >= 0:
            self._store.tile = tile


def _facts(opened: OpenCluster) -> str:
    facts = opened.facts
    words = [f"{counted(int(facts['size']), 'tile')} ({_percent(facts['share'])} of all)"]
    if opened.n_slides > 1:
        words.append(
            f"from {int(facts['n_slides'])} of {opened.n_slides} slides, {facts['top_slide_share']:.0%} from "
            f"{escape(str(facts['top_slide']))} {term('biggest slide', '?')}"
        )
    if facts["stability"] == facts["stability"]:
        words.append(f"{term('stability')} {facts['stability']:.2f}")
    words.append(f"{term('spread')} {facts['compactness']:.2f}")
    warning = ""
    if opened.one_slide:
        warning = alarm(
            f"Nearly all of it comes from {facts['top_slide']}: this may be the stain or scanner of one slide rather than a tissue.",
            "warning",
        )
    return f"<p class='quiet'>{' · '.join(words)}</p>{warning}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"


def _two_kinds(kinds: TwoKinds | None) -> str:
    """Advice to look at a split, where the tiles fall into two heaps."""
    if kinds is None or not kinds.likely:
        return ""
    shares = f"{1 - kinds.share:.0%} and {kinds.share:.0%}"
    return alarm(f"Its tiles look like two kinds, {shares} of it. Split shows both before anything is done.", "advice")


def _made_of(picture: str, found: dict[str, list[Part]]) -> str:
    """Where the tiles come from, folded away; a source with more than twice its share of all tiles stands out."""
    tables = ""
    for kind, parts in found.items():
        rows = "".join(
            f"<tr><td>{escape(part.name)}</td><td class='n'>{part.n:,}</td><td class='n'>{_share(part)}</td>"
            f"<td class='n'>{part.share_of_all:.0%}</td></tr>"
            for part in parts
        )
        tables += (
            f"<table class='plain'><tr><th>{kind}</th><th class='n'>tiles</th><th class='n'>of the cluster</th>"
            f"<th class='n'>of all tiles</th></tr>{rows}</table>"
        )
    mean = f"<figure><img src='{escape(picture)}' loading='lazy' width='96' height='96' alt='mean tile'><figcaption>mean tile</figcaption></figure>"
    return f"<details class='ts-parts'><summary>Where its tiles come from</summary><div class='parts'>{mean}<div>{tables}</div></div></details>"


def _share(part: Part) -> str:
    return f"<b>{part.share:.0%}</b>" if part.share > 2 * part.share_of_all else f"{part.share:.0%}"
