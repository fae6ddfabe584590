"""Power iteration clustering on a nearest-neighbour graph, DeepCluster's second clusterer (Caron et al. 2018, 5.1).

After Lin and Cohen, "Power iteration clustering", ICML 2010, with the clusters of Cho and Lee's authority shift: mass
flows along the graph, every point follows the neighbour at which the flow rises most, and the points where it ends are
clusters.

Deviations from DeepCluster: sigma is the typical distance of a fifth neighbour when that is above its 0.2 (weights of
exp(-25) would leave every point alone); points are followed to their root at once, without a walk.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from tessera.config import RunConfig
from tessera.learn.cluster.base import Found, Memory, Points, device_of, draw_seed
from tessera.learn.cluster.graph.neighbours import Neighbours, nearest
from tessera.learn.cluster.rcc.prepare import distinct_rows
from tessera.learn.cluster.vectors import unit_rows

NEIGHBOURS = 5
SIGMA = 0.2
ALPHA = 0.001
ITERATIONS = 200

Labels = npt.NDArray[np.int32]


def find_pic(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:  # noqa: ARG001
    """Power iteration clustering on unit vectors as they are; it has no dial."""
    first, place = distinct_rows(points)
    unit = unit_rows(points[first])
    if len(unit) < 2:
        return Found(np.zeros(len(points), np.int32))
    near = nearest(
        unit,
        min(NEIGHBOURS, len(unit) - 1),
        metric="euclidean",
        device=device_of(config),
        threads=config.threads,
        seed=draw_seed(rng),
    )
    return Found(pic(near)[place], figures={"graph_recall": near.recall})


def pic(neighbours: Neighbours, *, sigma: float = SIGMA, alpha: float = ALPHA, iterations: int = ITERATIONS) -> Labels:
    """Labels of all points, int32 (N,); the number of clusters follows from the graph.

    Args:
        neighbours: Euclidean, of unit vectors.
        sigma: weights are exp(-d^2 / sigma^2).
        alpha: share of the mass that flows; the rest starts afresh, evenly.
        iterations: of the flow.
    """
    weights = _affinity(neighbours, sigma)
    mass = _flow(weights, alpha, iterations)
    labels = _roots(_uphill(weights, mass))
    return _join_singletons(labels, neighbours.ids)


def _affinity(neighbours: Neighbours, sigma: float) -> sp.csr_matrix:
    n, k = neighbours.ids.shape
    width = max(sigma, float(np.median(neighbours.distances[:, -1])))
    columns, rows = neighbours.ids.ravel(), np.repeat(np.arange(n), k)
    values = np.exp(-((neighbours.distances.ravel().astype(np.float64) / width) ** 2))
    known = columns >= 0
    directed = sp.csr_matrix((values[known], (rows[known], columns[known])), shape=(n, n))
    return (directed + directed.T).tocsr()


def _flow(weights: sp.csr_matrix, alpha: float, iterations: int) -> npt.NDArray[np.float64]:
    n = weights.shape[0]
    mass = np.full(n, 1.0 / n)
    for _ in range(iterations):
        mass = alpha * (weights.T @ mass) + (1 - alpha) / n
        mass /= np.abs(mass).sum()
    return mass


def _uphill(weights: sp.csr_matrix, mass: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The neighbour with the largest positive W_ij (v_j - v_i); a point without one is its own."""
    edges = weights.tocoo()
    rise = edges.data * (mass[edges.col] - mass[edges.row])
    order = np.lexsort((edges.col, -rise, edges.row))  # ties go to the lower number
    rows, first = np.unique(edges.row[order], return_index=True)
    best = order[first]
    target = np.arange(weights.shape[0])
    rising = rise[best] > 0
    target[rows[rising]] = edges.col[best][rising]
    return target


def _roots(target: npt.NDArray[np.int64]) -> Labels:
    """Where each chain ends, numbered; mass rises along a chain, so that there are no circles."""
    while True:
        further = target[target]
        if np.array_equal(further, target):
            return np.unique(target, return_inverse=True)[1].astype(np.int32)
        target = further


def _join_singletons(labels: Labels, ids: npt.NDArray[np.int32]) -> Labels:
    """Points that are alone join the cluster of their first neighbour that is not; alone among the alone they stay."""
    alone = np.bincount(labels)[labels] == 1
    out = labels.copy()
    for row in np.flatnonzero(alone):
        others = ids[row][ids[row] >= 0]
        company = others[~alone[others]]
        if len(company):
            out[row] = labels[company[0]]
    return np.unique(out, return_inverse=True)[1].astype(np.int32)
