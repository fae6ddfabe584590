"""The mutual k-nearest-neighbour graph: two points are joined when each is among the k nearest of the other.

Shared by RCC, power iteration clustering, Leiden and search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from tessera.errors import ConfigError
from tessera.learn.cluster.graph.neighbours import Neighbours

CONNECT = ("mst", "first", "none")


@dataclass(frozen=True)
class Graph:
    """Undirected edges, each once with first < second, sorted by (first, second).

    Attributes:
        n: points.
        first: int32 (E,).
        second: int32 (E,).
    """

    n: int
    first: npt.NDArray[np.int32]
    second: npt.NDArray[np.int32]

    def degrees(self) -> npt.NDArray[np.int64]:
        """Edges at each point, int64 (n,)."""
        return np.bincount(self.first, minlength=self.n) + np.bincount(self.second, minlength=self.n)

    def weights(self) -> npt.NDArray[np.float64]:
        """RCC's weight of each edge, mean degree / sqrt(n_p n_q), float64 (E,) (Shah and Koltun 2017, eq. 5).

        Edges at hubs count less. The mean runs over all points, isolated ones too.
        """
        degrees = self.degrees().astype(np.float64)
        return degrees.mean() / np.sqrt(degrees[self.first] * degrees[self.second])

    def components(self, kept: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.int32]:
        """Connected component of each point, int32 (n,), numbered by their first point.

        Args:
            kept: bool (E,), the edges that count; all if None.
        """
        first, second = (self.first, self.second) if kept is None else (self.first[kept], self.second[kept])
        links = sp.coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(self.n, self.n))
        return np.asarray(connected_components(links, directed=False)[1], np.int32)


def mutual_graph(neighbours: Neighbours, connect: str = "first") -> Graph:
    """Mutual k-NN edges, and edges that tie in what they leave loose.

    Args:
        neighbours: of every point.
        connect: mst adds the minimum spanning tree of the symmetrised k-NN graph, as RCC does; first joins only points
            without any edge to their nearest neighbour, at a fraction of the cost and within .006 of AMI
            (reference/rcc.md, section 5), but leaves small components of the graph apart; none adds nothing.

    Raises:
        ConfigError: `connect` is none of these.
    """
    if connect not in CONNECT:
        raise ConfigError(f"connect={connect}: choose one of {', '.join(CONNECT)}")
    n, k = neighbours.ids.shape
    source, target = np.repeat(np.arange(n, dtype=np.int64), k), neighbours.ids.ravel().astype(np.int64)
    valid = target >= 0
    source, target, length = source[valid], target[valid], neighbours.distances.ravel()[valid]
    keys, place, seen = np.unique(
        np.minimum(source, target) * n + np.maximum(source, target), return_index=True, return_counts=True
    )
    mutual = keys[seen == 2]
    if connect == "mst":
        mutual = np.union1d(mutual, _spanning_tree(keys, length[place], n))
    elif connect == "first":
        lone = np.flatnonzero(np.bincount(np.concatenate([mutual // n, mutual % n]), minlength=n) == 0)
        nearest = neighbours.ids[lone, 0].astype(np.int64)
        lone, nearest = lone[nearest >= 0], nearest[nearest >= 0]
        mutual = np.union1d(mutual, np.minimum(lone, nearest) * n + np.maximum(lone, nearest))
    return Graph(n, (mutual // n).astype(np.int32), (mutual % n).astype(np.int32))


def _spanning_tree(keys: npt.NDArray[np.int64], length: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.int64]:
    """Keys of the edges of the minimum spanning tree (forest, when the graph is in parts)."""
    # a sparse matrix forgets entries of zero length, so duplicates get a length that is nearly nothing
    weights = length.astype(np.float64) + 1e-9
    tree = minimum_spanning_tree(sp.csr_matrix((weights, (keys // n, keys % n)), shape=(n, n))).tocoo()
    first, second = tree.row.astype(np.int64), tree.col.astype(np.int64)
    return np.minimum(first, second) * n + np.maximum(first, second)
