"""Balanced, diverse samples: evenly from typical to unusual tiles, in turns over slides.

Equal-frequency bins of the distance to the centroid are the idea of DeepCluster++ (STARC-9, arXiv 2511.00383).
Deviations: distances are those of the clustered space, not of raw features; bins are taken from in equal numbers, not
20 % of each; and slides take turns, so that no slide fills a bin.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.explore.clustering import Clustering

Tiles = npt.NDArray[np.int64]


def balanced_sample(
    clustering: Clustering, clusters: list[int], n: int, *, bins: int, rng: np.random.Generator
) -> Tiles:
    """Tiles of one class.

    Args:
        clustering: the clustering.
        clusters: ids of the clusters that make the class.
        n: how many; all when the class has no more.
        bins: steps from typical to unusual.
        rng: decides among tiles of one slide and bin.

    Returns:
        int64 (min(n, size),), ascending.
    """
    tiles = np.flatnonzero(np.isin(clustering.labels, clusters))
    if len(tiles) <= n:
        return tiles
    bin_of = distance_bins(clustering, tiles, bins)
    quota = _share_out(n, np.bincount(bin_of, minlength=bins))
    slides = clustering.index.slide[tiles]
    chosen = [
        tiles[members[_in_turns(slides[members], rng)[: quota[number]]]]
        for number in range(bins)
        if len(members := np.flatnonzero(bin_of == number))
    ]
    return np.sort(np.concatenate(chosen))


def distance_bins(clustering: Clustering, tiles: Tiles, bins: int) -> npt.NDArray[np.int64]:
    """Which bin each tile is in, by its rank among the tiles of its own cluster; bins are equally full.

    Args:
        clustering: the clustering.
        tiles: int64 (M,).
        bins: how many.

    Returns:
        int64 (M,), 0 = nearest to the centroid.
    """
    labels, distances = (
        clustering.labels[tiles],
        np.nan_to_num(clustering.distances[tiles].astype(np.float32), nan=np.inf),
    )
    order = np.lexsort((tiles, distances, labels))
    _, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    rank = np.arange(len(tiles)) - np.repeat(starts, sizes)
    found = np.empty(len(tiles), np.int64)
    found[order] = rank * bins // np.repeat(sizes, sizes)
    return found


def _share_out(n: int, available: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`n` in nearly equal parts, none larger than what is available."""
    quota = np.zeros(len(available), np.int64)
    left = min(n, int(available.sum()))
    while left:
        room = np.flatnonzero(quota < available)
        step = max(1, left // len(room))
        for number in room[:left]:
            taken = min(step, int(available[number] - quota[number]), left)
            quota[number] += taken
            left -= taken
    return quota


def _in_turns(slides: npt.NDArray[np.int32], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Order in which slides take turns, and a slide's own tiles come at random."""
    shuffled = rng.permutation(len(slides))
    by_slide = shuffled[np.argsort(slides[shuffled], kind="stable")]
    _, starts, sizes = np.unique(slides[by_slide], return_index=True, return_counts=True)
    turn = np.arange(len(slides)) - np.repeat(starts, sizes)
    slide_order = rng.permutation(len(sizes))
    return by_slide[np.lexsort((np.repeat(slide_order, sizes), turn))]
