"""Methods that find the number of clusters themselves, behind one signature: RCC, PIC, HDBSCAN, Leiden.

A finder takes points that fit its cost (`LIMITS`; beyond, `tessera.learn.cluster.api` gives it micro-centroids) and answers with
labels, noise allowed. Folding and the number of clusters are the same for all and stand in `tessera.learn.cluster.sizes`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tessera.config import RunConfig
from tessera.errors import ConfigError
from tessera.learn.cluster.graph.mutual import mutual_graph
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.pic import NEIGHBOURS, pic
from tessera.learn.cluster.rcc.model import RCC
from tessera.learn.cluster.rcc.prepare import distinct_rows, fit_space
from tessera.learn.cluster.rcc.solver import Constants

HELD = "rcc_constants"
_LEIDEN_NEIGHBOURS = 15
_LEIDEN_ITERATIONS = 2
_HDBSCAN_DIMENSIONS = 16
_HDBSCAN_SAMPLES = 10
_LARGE = 10_000_000

Points = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int32]
Memory = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Found:
    """What a finder found.

    Attributes:
        labels: int32 (M,), -1 = noise.
        finer: labels at a share of the present granularity (1 is `labels`, smaller gives more clusters); None when the
            method has no such dial.
        figures: what else was measured.
    """

    labels: Labels
    finer: Callable[[float], Labels] | None = None
    figures: dict[str, float] = field(default_factory=dict)


Finder = Callable[[Points, RunConfig, np.random.Generator, Memory], Found]


def find_rcc(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:
    """RCC, robust preset. Its constants are read off the first clustering and held by `memory` when the config says so."""
    held = memory.get(HELD) if config.rcc_hold else None
    model = RCC(
        lambda_scale=config.rcc_lambda,
        random_state=_seed(rng),
        n_threads=config.threads,
        device=device_of(config),
        constants=None if held is None else Constants(*held.tolist()),
    )
    model.fit(points)
    if not hasattr(model, "constants_"):  # every point is the same
        return Found(model.labels_)
    used = model.constants_
    memory[HELD] = np.array([used.strength, used.mu, used.delta, used.epsilon])
    link = model.link_
    figures = {"graph_recall": model.graph_recall_, "rcc_iterations": float(model.n_iter_)}
    return Found(model.labels_, lambda share: model.relink(link * share), figures)


def find_pic(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:  # noqa: ARG001
    """Power iteration clustering on unit vectors as they are; it has no dial."""
    first, place = distinct_rows(points)
    unit = np.asarray(points[first], np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    if len(unit) < 2:
        return Found(np.zeros(len(points), np.int32))
    near = nearest(
        unit,
        min(NEIGHBOURS, len(unit) - 1),
        metric="euclidean",
        device=device_of(config),
        threads=config.threads,
        seed=_seed(rng),
    )
    return Found(pic(near)[place], figures={"graph_recall": near.recall})


def find_hdbscan(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:  # noqa: ARG001
    """HDBSCAN of scikit-learn on 16 principal components: in more dimensions it calls nearly everything noise."""
    from sklearn.cluster import HDBSCAN

    first, place = distinct_rows(points)
    if len(first) <= _HDBSCAN_SAMPLES:
        return Found(np.zeros(len(points), np.int32))
    reduced = fit_space(points[first], _HDBSCAN_DIMENSIONS).apply(points[first])
    smallest = max(config.min_cluster, 5, len(first) // 1000)
    model = HDBSCAN(min_cluster_size=smallest, min_samples=_HDBSCAN_SAMPLES, n_jobs=config.threads or -1, copy=True)
    labels = model.fit_predict(reduced).astype(np.int32)[place]
    return Found(labels, figures={"noise": float((labels < 0).mean())})


def find_leiden(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:  # noqa: ARG001
    """Leiden (Traag et al. 2019, modularity) on the mutual 15-NN graph, edges weighed by cosine; its dial is the resolution.

    Raises:
        ConfigError: the library is not installed.
    """
    if importlib.util.find_spec("graspologic_native") is None:
        raise ConfigError("clusterer=leiden needs one more package: pip install 'tessera-pathology[community]'")
    import graspologic_native
    import scipy.sparse as sp

    first, place = distinct_rows(points)
    if len(first) < 2:
        return Found(np.zeros(len(points), np.int32))
    space = fit_space(points[first], 64).apply(points[first])
    near = nearest(
        space,
        min(_LEIDEN_NEIGHBOURS, len(space) - 1),
        device=device_of(config),
        threads=config.threads,
        seed=_seed(rng),
    )
    graph, seed = mutual_graph(near, "first"), _seed(rng)
    unit = space / np.maximum(np.linalg.norm(space, axis=1, keepdims=True), 1e-12)
    cosine = np.einsum("ij,ij->i", unit[graph.first], unit[graph.second]).clip(1e-3)
    links = sp.coo_matrix((cosine.astype(np.float64), (graph.first, graph.second)), shape=(graph.n, graph.n)).tocsr()
    links = (links + links.T).tocsr()

    def labelled(share: float) -> Labels:
        _, found = graspologic_native.leiden_csr(
            links.indptr.astype(np.int64),
            links.indices.astype(np.int32),
            links.data,
            graph.n,
            resolution=1.0 / share,
            iterations=_LEIDEN_ITERATIONS,
            seed=seed,
        )
        return np.fromiter((found.get(row, -1) for row in range(graph.n)), np.int32, graph.n)[place]

    return Found(labelled(1.0), labelled, {"graph_recall": near.recall})


FINDERS: dict[str, Finder] = {"rcc": find_rcc, "pic": find_pic, "hdbscan": find_hdbscan, "leiden": find_leiden}
LIMITS = {"rcc": _LARGE, "pic": _LARGE, "hdbscan": 20_000, "leiden": _LARGE}  # points; HDBSCAN is quadratic here


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31 - 1))


def device_of(config: RunConfig) -> str:
    """Where graphs are built and solved: cpu, or a CUDA device."""
    if config.device == "cpu":
        return "cpu"
    from tessera.learn.features.device import choose_device

    chosen = choose_device(config.device)
    return str(chosen) if chosen.type == "cuda" else "cpu"
