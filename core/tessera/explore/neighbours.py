"""Find tiles like a tile or a few tiles, and the clusters nearest to a cluster, by the run's features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering

_CHUNK = 131_072
_MIDDLE_TILES = 64  # the error of a mean over 64 tiles is an eighth of their spread

Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Similar:
    """Tiles in the order of likeness.

    Attributes:
        tiles: int64 (n,), tile numbers.
        distances: float32 (n,), Euclidean in the space that was clustered.
    """

    tiles: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32]


def similar_to_tiles(clustering: Clustering, tiles: list[int], n: int = 48, *, other_slides: bool = False) -> Similar:
    """Tiles nearest to the mean of some tiles, without these.

    All tiles are compared, in chunks of the memory-mapped features: nothing is built, and nothing is missed.

    Args:
        clustering: the clustering; tiles without a cluster (unreadable, excluded) are not found.
        tiles: one or more tile numbers.
        n: number to return.
        other_slides: only from slides that the given tiles are not from.

    Raises:
        TesseraError: no tile, or one that the run does not know.
        RunError: the run has no features yet.
    """
    given = np.unique(np.asarray(tiles, np.int64))
    if not len(given) or given[0] < 0 or given[-1] >= len(clustering.labels):
        raise TesseraError(f"choose tiles from 0 to {len(clustering.labels) - 1}")
    query = _mean(clustering, given)
    slides = clustering.index.slide[: len(clustering.labels)]
    wanted = clustering.labels >= 0
    wanted[given] = False
    if other_slides:
        wanted &= ~np.isin(slides, slides[given])
    return _nearest(clustering, query, wanted, n)


def nearest_clusters(clustering: Clustering, cluster: int, n: int = 8) -> list[tuple[int, float]]:
    """Clusters nearest to a cluster: candidates for a merge.

    Args:
        clustering: the clustering.
        cluster: id of the cluster.
        n: number to return.

    Returns:
        (id, Euclidean distance between the middles), nearest first.

    Raises:
        TesseraError: no such cluster.
        RunError: the run has no features yet.
    """
    _require(clustering, cluster)
    means = _middles(clustering)
    distances = np.linalg.norm(means - means[np.searchsorted(clustering.ids, cluster)], axis=1)
    order = [row for row in np.argsort(distances, kind="stable").tolist() if clustering.ids[row] != cluster]
    return [(int(clustering.ids[row]), float(distances[row])) for row in order[:n]]


def _nearest(clustering: Clustering, query: Points, wanted: npt.NDArray[np.bool_], n: int) -> Similar:
    """The n wanted tiles nearest to a point, chunk by chunk."""
    tiles = np.flatnonzero(wanted)
    features = clustering.workspace.run_folder(clustering.run).features(tiles)
    best, far = np.empty(0, np.int64), np.empty(0, np.float32)
    for start in range(0, len(tiles), _CHUNK):
        part = features[start : start + _CHUNK]
        squared = np.einsum("ij,ij->i", part, part) - 2 * (part @ query) + query @ query
        keep = np.argpartition(squared, n)[:n] if len(part) > n else np.arange(len(part))
        best, far = np.concatenate([best, tiles[start + keep]]), np.concatenate([far, squared[keep]])
        order = np.lexsort((best, far))[:n]
        best, far = best[order], far[order]
    return Similar(best, np.sqrt(np.maximum(far, 0)).astype(np.float32))


@lru_cache(maxsize=4)
def _middles(clustering: Clustering) -> Points:
    """Mean of up to 64 tiles of each cluster, float32 (K, D). Kept for the last few views.

    Not to be changed in place.
    """
    order = np.argsort(clustering.labels, kind="stable")
    starts = np.searchsorted(clustering.labels, clustering.ids, sorter=order).tolist()
    return np.stack(
        [
            _mean(clustering, np.sort(_spread(order[start : start + size], _MIDDLE_TILES)))
            for start, size in zip(starts, clustering.sizes.tolist(), strict=True)
        ]
    )


def _spread(tiles: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """At most n of some tiles, evenly chosen."""
    return tiles[np.linspace(0, len(tiles) - 1, min(len(tiles), n)).astype(np.int64)]


def _mean(clustering: Clustering, tiles: npt.NDArray[np.int64]) -> Points:
    return clustering.workspace.run_folder(clustering.run).features(tiles)[:].mean(axis=0)


def _require(clustering: Clustering, cluster: int) -> None:
    if cluster not in clustering.ids:
        raise TesseraError(f"{clustering.run} has no cluster {cluster} at interval {clustering.interval}")
