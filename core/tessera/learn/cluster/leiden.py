"""Leiden (Traag, Waltman and van Eck 2019) with modularity, on the mutual 15-NN graph of tiles, weighed by cosine."""

from __future__ import annotations

import importlib.util

import numpy as np
import scipy.sparse as sp

from tessera.config import RunConfig
from tessera.errors import ConfigError
from tessera.learn.cluster.base import Found, Labels, Memory, Points, device_of, draw_seed
from tessera.learn.cluster.graph.mutual import Graph, mutual_graph
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.rcc.prepare import distinct_rows, fit_space
from tessera.learn.cluster.vectors import unit_rows

_NEIGHBOURS = 15
_ITERATIONS = 2
_DIMENSIONS = 64
_LEAST_WEIGHT = 1e-3  # of an edge between tiles that point apart


def find_leiden(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:  # noqa: ARG001
    """Communities of the graph; its dial is the resolution.

    Raises:
        ConfigError: the library is not installed.
    """
    if importlib.util.find_spec("graspologic_native") is None:
        raise ConfigError("clusterer=leiden needs one more package: pip install graspologic-native")
    first, place = distinct_rows(points)
    if len(first) < 2:
        return Found(np.zeros(len(points), np.int32))
    space = fit_space(points[first], _DIMENSIONS).apply(points[first])
    near = nearest(
        space,
        min(_NEIGHBOURS, len(space) - 1),
        device=device_of(config),
        threads=config.threads,
        seed=draw_seed(rng),
    )
    graph, seed = mutual_graph(near, "first"), draw_seed(rng)
    links = _links(space, graph)

    def labelled(share: float) -> Labels:
        return communities(links, 1.0 / share, seed)[place]

    return Found(labelled(1.0), labelled, {"graph_recall": near.recall})


def communities(links: sp.csr_matrix, resolution: float, seed: int) -> Labels:
    """Leiden's communities of a symmetric graph, int32 (n,); -1 for a node that it leaves out.

    Args:
        links: float64 (n, n), weights.
        resolution: of the modularity; larger gives more communities.
        seed: of the order in which nodes are visited.
    """
    import graspologic_native

    n = links.shape[0]
    _, found = graspologic_native.leiden_csr(
        links.indptr.astype(np.int64),
        links.indices.astype(np.int32),
        links.data,
        n,
        resolution=resolution,
        iterations=_ITERATIONS,
        seed=seed,
    )
    return np.fromiter((found.get(row, -1) for row in range(n)), np.int32, n)


def _links(space: Points, graph: Graph) -> sp.csr_matrix:
    unit = unit_rows(space)
    cosine = np.einsum("ij,ij->i", unit[graph.first], unit[graph.second]).clip(_LEAST_WEIGHT)
    one_way = sp.coo_matrix((cosine.astype(np.float64), (graph.first, graph.second)), shape=(graph.n, graph.n)).tocsr()
    return (one_way + one_way.T).tocsr()
