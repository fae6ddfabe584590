"""Does a cluster hold two kinds of tiles? Advice for the person who may split it; nothing is split here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.explore.clustering import Clustering

# the coefficient of an even spread: two heaps lie above, one heap below (1/3 is a normal distribution)
TWO_KINDS = 5 / 9
_SAMPLE, _FEWEST = 2000, 20

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TwoKinds:
    """The main direction in which a cluster's tiles differ, and what lies at its two ends.

    Attributes:
        bimodality: Sarle's coefficient along that direction, 0-1; above 5/9 it looks like two heaps.
        share: of the tiles that lie on the smaller side.
        sides: two int64 arrays of tile numbers, typical of each side, the larger side first.
    """

    bimodality: float
    share: float
    sides: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

    @property
    def likely(self) -> bool:
        """Whether a split is worth a look."""
        return self.bimodality > TWO_KINDS and self.share >= 0.1


def two_kinds(clustering: Clustering, cluster: int, per_side: int = 6) -> TwoKinds | None:
    """Look at a cluster along the first principal component of its features.

    A split by k-means in two goes the same way when the cluster has two heaps (Ding & He 2004: the first component is
    the continuous solution of 2-means). Sarle's coefficient, (skewness^2 + 1) / kurtosis (Pfister et al. 2013, eq. 1),
    does not grow with the number of tiles, unlike a test of significance, which would advise to split every large
    cluster.

    Args:
        clustering: the clustering.
        cluster: id of the cluster.
        per_side: tiles to show of each side.

    Returns:
        None below 20 tiles, or when all features are the same. At most 2,000 tiles, evenly chosen, are read.

    Raises:
        RunError: the run has no features yet.
    """
    members = clustering.members(cluster)
    if len(members) < _FEWEST:
        return None
    tiles = members[np.linspace(0, len(members) - 1, min(_SAMPLE, len(members))).astype(np.int64)]
    points = np.asarray(clustering.workspace.run_folder(clustering.run).features(tiles)[:], np.float64)
    seen = np.isfinite(points).all(axis=1)
    tiles, points = tiles[seen], points[seen]
    if len(points) < _FEWEST:
        return None
    points -= points.mean(axis=0)
    _, vectors = np.linalg.eigh(points.T @ points)
    along = points @ vectors[:, -1]
    if along.std() <= 1e-6 * max(1e-12, np.abs(points).max()):
        return None
    right = along > _between(along)
    if right.mean() > 0.5:
        along, right = -along, ~right
    sides = tuple(tiles[_typical(along, side, per_side)] for side in (~right, right))
    return TwoKinds(bimodality(along), float(right.mean()), (sides[0], sides[1]))


def bimodality(values: Values) -> float:
    """Sarle's coefficient with its correction for few values (Pfister et al. 2013, eq. 1).

    Args:
        values: float (N,), N >= 4, not all equal.
    """
    n = len(values)
    z = (values - values.mean()) / values.std()
    skewness = (z**3).mean() * np.sqrt(n * (n - 1)) / (n - 2)
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ((z**4).mean() - 3) + 6)
    return float((skewness**2 + 1) / (excess + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def _between(values: Values) -> float:
    """The border of the best two parts of numbers: the least sum of squares within them."""
    ordered = np.sort(values)
    n = np.arange(1, len(ordered))
    left = np.cumsum(ordered)[:-1]
    rest = ordered.sum() - left
    at = int(np.argmax(left**2 / n + rest**2 / (len(ordered) - n)))
    return float((ordered[at] + ordered[at + 1]) / 2)


def _typical(along: Values, side: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.int64]:
    """Positions on one side, nearest to its median first."""
    own = np.flatnonzero(side)
    return own[np.argsort(np.abs(along[own] - np.median(along[own])), kind="stable")[:n]] if len(own) else own
