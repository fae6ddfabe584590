"""What colours the map: its choices, and the colours of clusters or tiles for the one that is chosen."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tessera.curate.decisions.history import history
from tessera.curate.looks import BY, ClusterLooks, cluster_looks
from tessera.explore.clustering import Clustering
from tessera.explore.tile_values import TileValues, tile_values, value_kinds

from tessera_app.latest import Latest
from tessera_app.store import Store

_WORDS = {
    "name": "name",
    "cluster": "cluster",
    "kind": "kind",
    "reader": "reader",
    "slide": "slide",
    "patient": "patient",
    "site": "site",
    "distance": "distance to the centre",
    "blur": "sharpness",
}


class MapColours:
    """Keeps the colours of a map in step with what is chosen above it and with what is decided.

    Args:
        store: what is looked at.
        points: the EmbeddingMap.
    """

    def __init__(self, store: Store, points: Any) -> None:
        self._store, self._points = store, points
        self._loads = Latest(lambda _: None)  # the map stays as it was
        self._offers = Latest(lambda _: None)
        self._offered: Clustering | None = None
        points.param.watch(lambda *_: self.draw(), "colour_by")

    def draw(self) -> None:
        """Colour the map anew: another clustering, a decision, another choice."""
        clustering, by = self._store.clustering(), self._points.colour_by
        if clustering is None:
            return
        if self._offered is not clustering:
            self._offered = clustering
            self._offers.load(lambda: value_kinds(clustering), self._offer)
        run, workspace = self._store.run, self._store.workspace
        past = history(workspace, run) if by == "reader" else ()
        looks = cluster_looks(self._store.decided(), clustering.ids.tolist(), by if by in BY else "name", past)
        self._points.param.update(**properties(looks))
        if by in BY:
            self._points.param.update(values_url="", entries=[], ramp=[])
            return
        version = f"{self._store.current.id}-{len(clustering.labels)}"
        url = f"values/{clustering.run}/{clustering.interval}/{by}?v={version}"
        self._loads.load(lambda: values_of(clustering, by), lambda found: self._show(url, found))

    def _offer(self, kinds: list[str]) -> None:
        self._points.colour_options = [[kind, _WORDS[kind]] for kind in (*BY, *kinds)]

    def _show(self, url: str, found: TileValues) -> None:
        entries = [list(entry) for entry in found.entries]
        self._points.param.update(values_url=url, entries=entries, ramp=list(found.ramp))


def properties(looks: ClusterLooks) -> dict[str, Any]:
    """How clusters look, as map and slide viewer take it."""
    return {**vars(looks)}


@lru_cache(maxsize=8)
def values_of(clustering: Clustering, by: str) -> TileValues:
    """`tile_values`, kept for the page and for the route that follows it; a clustering is hashed by identity."""
    return tile_values(clustering, by)
