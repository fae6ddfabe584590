"""How far clusters lie among each other.

Of a tile's nearest neighbours, how many are of its own cluster, and whose are the rest.

The share of own neighbours is the label purity of a k-nearest-neighbour graph, here on an even sample, so that it costs
about a second whatever the cohort; a tile is never its own neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tessera.explore.clustering import Clustering

_SAMPLE, _LEAST = 8000, 8  # tiles in all, and of each cluster
_CHUNK = 1000

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixing:
    """Neighbourhoods of clusters.

    Attributes:
        ids: int32 (K,), cluster ids, ascending.
        purity: float32 (K,), mean share of own tiles among the nearest, 0-1; NaN for a cluster of one tile.
        shares: float32 (K, K), row: cluster, column: cluster of the neighbours; rows sum to 1.
    """

    ids: npt.NDArray[np.int32]
    purity: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]

    def nearest(self, cluster: int, n: int = 4) -> list[tuple[int, float]]:
        """Other clusters by the share of neighbours that lie there, the largest first; those with none are left out."""
        row = int(np.searchsorted(self.ids, cluster))
        shares = self.shares[row].copy()
        shares[row] = 0
        order = np.argsort(-shares, kind="stable")[:n]
        return [(int(self.ids[i]), float(shares[i])) for i in order if shares[i] > 0]


@lru_cache(maxsize=4)
def mixing(clustering: Clustering, k: int = 10) -> Mixing:
    """Compare the neighbours of a sample of tiles, in the space of the run's features.

    Kept for the last few clusterings.

    Args:
        clustering: the clustering.
        k: neighbours of each tile.

    Raises:
        RunError: the run has no features yet.
    """
    tiles, rows = _sample(clustering)
    points = np.asarray(clustering.workspace.run_folder(clustering.run).features(tiles)[:], np.float32)
    seen = np.isfinite(points).all(axis=1)
    points, rows = points[seen], rows[seen]
    n_clusters, k = len(clustering.ids), max(min(k, len(points) - 1), 0)
    counts = np.zeros((n_clusters, n_clusters), np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    for start in range(0, len(points) if k else 0, _CHUNK):
        part = slice(start, start + _CHUNK)
        far = squares - 2 * points[part] @ points.T  # (chunk, N), up to a constant of each row
        far[np.arange(far.shape[0]), np.arange(start, start + far.shape[0])] = np.inf
        near = np.argpartition(far, k - 1, axis=1)[:, :k]
        np.add.at(counts, (np.repeat(rows[part], k), rows[near].ravel()), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    alone = np.bincount(rows, minlength=n_clusters) < 2
    purity = np.where(alone, np.nan, np.diagonal(shares)).astype(np.float32)
    return Mixing(clustering.ids, purity, shares)


def _sample(clustering: Clustering) -> tuple[npt.NDArray[np.int64], Labels]:
    """Tiles from all clusters by their size, at least a few of each, and the row of the cluster of each."""
    order = np.argsort(clustering.labels, kind="stable")
    starts = np.searchsorted(clustering.labels, clustering.ids, sorter=order)
    share = np.ceil(clustering.sizes * min(1.0, _SAMPLE / max(int(clustering.sizes.sum()), 1))).astype(np.int64)
    wanted = np.minimum(np.maximum(share, _LEAST), clustering.sizes)
    chosen, rows = [], []
    for row, (start, size, n) in enumerate(zip(starts, clustering.sizes.tolist(), wanted.tolist(), strict=True)):
        chosen.append(order[start + np.linspace(0, size - 1, n).astype(np.int64)])
        rows.append(np.full(n, row, np.int64))
    tiles = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
    codes = np.concatenate(rows) if rows else np.empty(0, np.int64)
    by_number = np.argsort(tiles, kind="stable")
    return tiles[by_number], codes[by_number]
