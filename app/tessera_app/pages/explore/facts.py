"""What the explore page reads of a clustering: the table, one open cluster, a lasso. Runs in threads, touches no widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tessera.explore.clustering import Clustering
from tessera.explore.clusters import cluster_table
from tessera.explore.projection import inside_polygon
from tessera.explore.representatives import pick

LASSO_TILES = 48
ONE_SLIDE = 0.8  # from this share on the page warns that a cluster may be the stain of one slide
_ROWS = (
    ("typical", "Typical", "nearest to the centre of the cluster"),
    ("middle", "Middle", "half-way out"),
    ("edge", "Edge", "farthest from the centre: is the cluster mixed here?"),
)
Rows = list[dict[str, Any]]

_KEPT_TABLES = 8
_TABLES: dict[
    int, tuple[Clustering, pd.DataFrame]
] = {}  # by identity: a curated view is made anew when something is decided


@dataclass(frozen=True)
class OpenCluster:
    """A cluster as its panel shows it.

    Attributes:
        cluster: its id.
        facts: its row in the table.
        n_slides: slides in the whole clustering.
        rows: title, help and tile numbers of each row of the gallery.
    """

    cluster: int
    facts: dict[str, Any]
    n_slides: int
    rows: Rows

    @property
    def one_slide(self) -> bool:
        """Whether nearly all of it comes from one of several slides."""
        return self.n_slides > 1 and float(self.facts["top_slide_share"]) >= ONE_SLIDE


def table_of(clustering: Clustering) -> pd.DataFrame:
    """`cluster_table`, kept for the last few clusterings and shared by all sessions. Do not change it in place."""
    known = _TABLES.get(id(clustering))
    if known is None or known[0] is not clustering:
        known = (clustering, cluster_table(clustering))
        _TABLES[id(clustering)] = known
        while len(_TABLES) > _KEPT_TABLES:
            _TABLES.pop(next(iter(_TABLES)), None)
    return known[1]


def open_cluster(clustering: Clustering, cluster: int) -> OpenCluster | None:
    """The facts and tiles of one cluster; None if the clustering has no such cluster."""
    table = table_of(clustering)
    found = table[table["cluster"] == cluster]
    if found.empty:
        return None
    rows = gallery_rows(clustering, cluster)
    n_slides = len(np.unique(clustering.index.slide[: len(clustering.labels)]))
    facts = {str(column): found.iloc[0][column] for column in table.columns}
    return OpenCluster(cluster, facts, n_slides, rows)


def gallery_rows(clustering: Clustering, cluster: int) -> Rows:
    """Typical, middle and edge tiles of a cluster, as the gallery takes them."""
    chosen = pick(clustering, cluster)
    return [{"title": title, "help": help, "ids": getattr(chosen, name).tolist()} for name, title, help in _ROWS]


def lasso(clustering: Clustering, mapped: int, polygon: list[list[float]]) -> tuple[int, Rows]:
    """How many tiles of the map lie inside a polygon, and an even sample of them."""
    xy = clustering.workspace.run_folder(clustering.run).projection(mapped)
    inside = inside_polygon(xy, np.asarray(polygon, float))
    at = np.linspace(0, max(len(inside) - 1, 0), min(LASSO_TILES, len(inside))).astype(np.int64)
    sample = inside[np.unique(at)].tolist()
    shown = "all of them" if len(sample) == len(inside) else f"{len(sample)} of {len(inside):,}, evenly chosen"
    return len(inside), [{"title": "Inside the lasso", "help": shown, "ids": sample}]
