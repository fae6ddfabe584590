"""What the explore page reads of a clustering. Runs in threads, touches no widget."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from tessera.explore.clustering import Clustering
from tessera.explore.clusters import cluster_table, slide_names

from tessera_app.pages.explore.asks import Lasso

LASSO_TILES = 48
_MIX = 8

_KEPT_TABLES = 8
_TABLES: dict[
    int, tuple[Clustering, pd.DataFrame]
] = {}  # by identity: a curated view is made anew when something is decided


def table_of(clustering: Clustering) -> pd.DataFrame:
    """`cluster_table`, kept for the last few clusterings and shared by all sessions. Do not change it in place."""
    known = _TABLES.get(id(clustering))
    if known is None or known[0] is not clustering:
        known = (clustering, cluster_table(clustering))
        _TABLES[id(clustering)] = known
        while len(_TABLES) > _KEPT_TABLES:
            _TABLES.pop(next(iter(_TABLES)), None)
    return known[1]


def inside_lasso(clustering: Clustering, lasso: Lasso) -> dict[str, Any]:
    """How many tiles lie inside a lasso, of which clusters, and an even sample of them.

    Raises:
        TesseraError: no lasso is drawn.
    """
    inside = lasso.tiles(clustering)
    inside = inside[inside < len(clustering.labels)]
    labels = clustering.labels[inside]
    ids, counts = np.unique(labels[labels >= 0], return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:_MIX]
    at = np.linspace(0, max(len(inside) - 1, 0), min(LASSO_TILES, len(inside))).astype(np.int64)
    sample = inside[np.unique(at)]
    slides, names = clustering.index.slide[sample], slide_names(clustering)
    shown = "all of them" if len(sample) == len(inside) else f"{len(sample)} of {len(inside):,}, evenly chosen"
    return {
        "n": len(inside),
        "mix": [[int(ids[i]), float(counts[i] / max(len(inside), 1))] for i in largest],
        "help": shown,
        "tiles": np.stack([sample, slides], axis=1).tolist() if len(sample) else [],
        "slides": {str(slide): names.get(slide, "") for slide in np.unique(slides).tolist()},
    }
