"""The clusters of a run as they form: the largest of the clustering that is shown, each with its typical tiles."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
import panel as pn
from tessera.explore.clustering import Clustering
from tessera.words import counted

from tessera_app.page import html, wrap
from tessera_app.store import Store

_SHOWN = 6


class Forming(pn.viewable.Viewer):
    """A gallery that follows the run: a new clustering is a new gallery."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store
        self._pane = html(css_classes=["ts-forming"])
        store.param.watch(lambda *_: self._draw(), ["shown", "names_version"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._pane

    def _draw(self) -> None:
        clustering = self._store.clustering()
        if clustering is None or not len(clustering.ids):
            self._pane.object = wrap("")
        else:
            self._pane.object = wrap(gallery(clustering, self._store.title, self._store.edits()))


def gallery(clustering: Clustering, title: Callable[[int], str], version: str) -> str:
    """The largest clusters as HTML: typical tiles, name or number, size.

    Args:
        clustering: what is shown.
        title: what a cluster is called.
        version: of the decisions, for the addresses of pictures.
    """
    largest = clustering.ids[np.argsort(-clustering.sizes, kind="stable")[:_SHOWN]].tolist()
    sizes = dict(zip(clustering.ids.tolist(), clustering.sizes.tolist(), strict=True))
    figures = "".join(
        f"<figure><a href='?page=2&run={escape(clustering.run)}&cluster={cluster}'>"
        f"<img loading='lazy' src='sheet/{escape(clustering.run)}/{clustering.interval}/{cluster}?v={version}' "
        f"alt='typical tiles of {escape(title(cluster))}'></a>"
        f"<figcaption>{escape(title(cluster))} <span class='quiet'>{counted(sizes[cluster], 'tile')}</span>"
        "</figcaption></figure>"
        for cluster in largest
    )
    more = len(clustering.ids) - len(largest)
    rest = f"<p class='quiet'>and {counted(more, 'smaller cluster')} on the Explore page</p>" if more > 0 else ""
    return (
        f"<h3>Clusters so far <span class='quiet'>clustering {clustering.interval}</span></h3>"
        f"<div class='sheets'>{figures}</div>{rest}"
    )
