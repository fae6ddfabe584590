"""Tiles that show what a cluster is: typical, middle and edge, from several slides.

Equal-frequency bins of the distance to the centroid, the idea of DeepCluster++ (STARC-9, arXiv 2511.00383); distances
are those of the clustered space, not of raw features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.explore.clustering import Clustering

_BINS = 5
_FACES_OF = 200  # tiles nearest to the centre that faces are chosen from


@dataclass(frozen=True)
class Representatives:
    """Tile numbers, int64, nearest to the centroid first within each row."""

    typical: npt.NDArray[np.int64]
    middle: npt.NDArray[np.int64]
    edge: npt.NDArray[np.int64]


def pick(clustering: Clustering, cluster: int, per_row: int = 12) -> Representatives:
    """Choose tiles of a cluster; the same ones each time.

    Args:
        clustering: the clustering.
        cluster: id of the cluster.
        per_row: tiles a row.

    Returns:
        From the first, the middle and the last fifth of the cluster's tiles by distance; each row takes from as many
        slides as it can.
    """
    members = clustering.members(cluster)
    order = members[np.argsort(clustering.distances[members], kind="stable")]
    bins = np.array_split(order, _BINS) if len(order) >= _BINS * per_row else np.array_split(order, 3)
    slides = clustering.index.slide
    rows = [_across_slides(part, slides, per_row) for part in (bins[0], bins[len(bins) // 2], bins[-1][::-1])]
    return Representatives(rows[0], rows[1], rows[2][::-1])


def faces(clustering: Clustering, n: int = 3) -> npt.NDArray[np.int64]:
    """The tiles that stand for each cluster in a list: near the centre, from as many slides as there are.

    Args:
        clustering: the clustering.
        n: tiles a cluster.

    Returns:
        int64 (K, n), in the order of `clustering.ids`; -1 where a cluster has fewer tiles. One sort over all tiles.
    """
    found = np.full((len(clustering.ids), n), -1, np.int64)
    order = np.lexsort((clustering.distances[: len(clustering.labels)], clustering.labels))
    starts = np.searchsorted(clustering.labels, clustering.ids, sorter=order).tolist()
    for row, (start, size) in enumerate(zip(starts, clustering.sizes.tolist(), strict=True)):
        near = order[start : start + min(size, max(n, size // _BINS, 1), _FACES_OF)]
        chosen = _across_slides(near, clustering.index.slide, n)
        found[row, : len(chosen)] = chosen
    return found


def by_distance(clustering: Clustering, cluster: int) -> npt.NDArray[np.int64]:
    """All tiles of a cluster, nearest to its centre first, int64."""
    members = clustering.members(cluster)
    return members[np.argsort(clustering.distances[members], kind="stable")]


def _across_slides(tiles: npt.NDArray[np.int64], slides: npt.NDArray[np.int32], n: int) -> npt.NDArray[np.int64]:
    """The first `n` tiles in rounds over slides: each slide's first, then each slide's second, ..."""
    _, inverse = np.unique(slides[tiles], return_inverse=True)
    by_slide = np.argsort(inverse, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(inverse))[:-1]]).astype(np.int64) if len(tiles) else by_slide
    turn = np.empty(len(tiles), np.int64)
    turn[by_slide] = np.arange(len(tiles)) - starts[inverse[by_slide]] if len(tiles) else turn
    return tiles[np.sort(np.lexsort((np.arange(len(tiles)), turn))[:n])]
