"""Robust Continuous Clustering (Shah and Koltun, PNAS 114(37), 2017): clusters without a number of clusters.

Two presets. `paper` is the published algorithm. `robust`, the default, is for learned features; its deviations are:
exact duplicates count as one point; centre, PCA to 64 dimensions, rows of length sqrt(d) (the published lambda depends
on the mean and the scale of the data); links of lone points to their nearest neighbour instead of a spanning tree; mu
starts from the 99.9 % quantile of edge lengths (one outlier decides the longest); lambda is 4 times what a largest
singular value of 2 sqrt(N) gives, instead of following the singular value itself, which is sqrt(N) for whitened
features and up to sqrt(N d) for others of the same clusters; from 8 dimensions on the link threshold is times 0.7; at
most two iterations at one mu; stop when mu has passed delta. The two factors were read off labelled sets
(benchmarks/rcc.py, parts quality and dials). In both, linear systems are solved by warm-started Jacobi-CG instead of
CMG from zero.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from tessera.learn.cluster.graph.mutual import Graph, mutual_graph
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.rcc.prepare import NORMALISE_FROM, distinct_rows, fit_space
from tessera.learn.cluster.rcc.solver import Constants, Engine, Schedule, Trace, edge_lengths, minimise, read_constants

logger = logging.getLogger(__name__)

Features = npt.NDArray[np.floating]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Preset:
    """Every constant of the method.

    Attributes:
        normalise: merge exact duplicates, centre, PCA, rows of one length.
        n_components: of the PCA; 0 keeps all.
        n_neighbors: k of the mutual k-NN graph.
        metric: of the graph, cosine or euclidean.
        connect: mst, first or none (see `tessera.learn.cluster.graph.mutual.mutual_graph`).
        spectral: take lambda from the largest singular value of the points, as published, or from 2 sqrt(N).
        lambda_scale: multiplies lambda; larger gives fewer clusters.
        link: multiplies the linking threshold; larger gives fewer clusters.
        mu_quantile: of edge lengths, for the first mu.
        schedule: when mu falls and when to stop.
    """

    normalise: bool
    n_components: int
    n_neighbors: int
    metric: str
    connect: str
    spectral: bool
    lambda_scale: float
    link: float
    mu_quantile: float
    schedule: Schedule


PRESETS = {
    "paper": Preset(
        normalise=False,
        n_components=0,
        n_neighbors=10,
        metric="cosine",
        connect="mst",
        spectral=True,
        lambda_scale=1,
        link=1,
        mu_quantile=1,
        schedule=Schedule(4, 100, change=0.1, tolerance=1e-3, to_the_end=True),
    ),
    "robust": Preset(
        normalise=True,
        n_components=64,
        n_neighbors=10,
        metric="cosine",
        connect="first",
        spectral=False,
        lambda_scale=4,
        link=0.7,
        mu_quantile=0.999,
        schedule=Schedule(2, 300, change=0, tolerance=1e-2, to_the_end=False),
    ),
}


class RCC(ClusterMixin, BaseEstimator):
    """Robust Continuous Clustering with the manners of scikit-learn.

    Args:
        preset: robust or paper; parameters that are None take its value.
        n_neighbors: k of the mutual k-NN graph.
        metric: cosine or euclidean.
        connect: mst, first or none.
        n_components: dimensions kept by PCA; 0 keeps all.
        lambda_scale: multiplies lambda.
        link: multiplies the linking threshold.
        max_iter: iterations at most.
        tolerance: relative tolerance of the linear systems.
        graph_method: auto, flat, ivf, hnsw or torch (see `tessera.learn.cluster.graph.neighbours.nearest`).
        device: cpu, cuda or cuda:N.
        n_threads: on the CPU; 0 takes one per core.
        random_state: of the search index; the rest of RCC is deterministic.
        constants: numbers of an earlier clustering to hold; None reads them off the data.

    Attributes:
        labels_: int32 (N,), largest cluster first.
        n_clusters_: number of clusters.
        representatives_: float32 (N, d), U in the space that was clustered.
        energy_: list of the objective before each solve. It falls while mu and lambda stay, and jumps where they
            change.
        constants_: `Constants` that were used.
        link_: link factor that was used.
        graph_recall_: share of true neighbours in the graph, sampled.
        n_iter_: iterations done.
        n_features_in_: D.

    Raises:
        ValueError: X is not finite, has fewer than two rows, or a parameter is unknown.
    """

    def __init__(
        self,
        preset: str = "robust",
        *,
        n_neighbors: int | None = None,
        metric: str | None = None,
        connect: str | None = None,
        n_components: int | None = None,
        lambda_scale: float | None = None,
        link: float | None = None,
        max_iter: int | None = None,
        tolerance: float | None = None,
        graph_method: str = "auto",
        device: str = "cpu",
        n_threads: int = 0,
        random_state: int = 0,
        constants: Constants | None = None,
    ) -> None:
        self.preset = preset
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.connect = connect
        self.n_components = n_components
        self.lambda_scale = lambda_scale
        self.link = link
        self.max_iter = max_iter
        self.tolerance = tolerance
        self.graph_method = graph_method
        self.device = device
        self.n_threads = n_threads
        self.random_state = random_state
        self.constants = constants

    def fit(self, X: Features, y: Any = None) -> RCC:  # noqa: ARG002 - the signature is scikit-learn's
        """Cluster the rows of X, (N, D) of any float type."""
        X = validate_data(self, X, dtype=(np.float64, np.float32, np.float16), ensure_min_samples=2)
        preset = self._resolved()
        points, place = self._points(X, preset)
        if len(points) == 1:  # every row is the same
            return self._finish(np.zeros(len(place), np.int32), np.repeat(points, len(place), axis=0), Trace())
        k = min(preset.n_neighbors, len(points) - 1)
        if k < preset.n_neighbors:
            logger.warning("%d distinct points have only %d neighbours each", len(points), k)
        neighbours = nearest(
            points,
            k,
            metric=preset.metric,
            method=self.graph_method,
            device=self.device,
            threads=self.n_threads,
            seed=self.random_state,
        )
        self.graph_recall_ = neighbours.recall
        self.graph_ = mutual_graph(neighbours, preset.connect)
        self._place = place
        self._run(points, preset)
        return self

    def relink(self, link: float) -> npt.NDArray[np.int32]:
        """Labels at another link factor, from the stored edge lengths, at no cost; int32 (N,)."""
        check_is_fitted(self)
        if not hasattr(self, "edge_lengths_"):
            return self.labels_.copy()
        return self._labels(self._linked(link))

    def _linked(self, link: float) -> npt.NDArray[np.bool_]:
        """Edges whose ends have met, bool (E,); those of no length always have."""
        return (self.edge_lengths_ < link * self.constants_.epsilon) | (self.edge_lengths_ == 0)

    def _resolved(self) -> Preset:
        """The preset with the parameters that were given."""
        if self.preset not in PRESETS:
            raise ValueError(f"preset={self.preset!r}: choose one of {', '.join(PRESETS)}")
        base = PRESETS[self.preset]
        names = ("n_neighbors", "metric", "connect", "n_components", "lambda_scale", "link")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        for name in ("n_neighbors", "lambda_scale", "link"):
            if name in given and given[name] <= 0:
                raise ValueError(f"{name}={given[name]}: must be above 0")
        schedule = replace(
            base.schedule,
            most=self.max_iter or base.schedule.most,
            tolerance=self.tolerance or base.schedule.tolerance,
        )
        return replace(base, schedule=schedule, **given)

    def _points(self, features: Features, preset: Preset) -> tuple[F32, npt.NDArray[np.int64]]:
        """What RCC works on, and the point of every row."""
        if not preset.normalise:
            plain = np.ascontiguousarray(features, np.float32)
            return plain, np.arange(len(plain))
        first, place = distinct_rows(features)
        kept = features if len(first) == len(features) else features[first]
        space = fit_space(kept, preset.n_components)
        return space.apply(kept), place

    def _run(self, points: F32, preset: Preset) -> None:
        lengths = edge_lengths(points, self.graph_)
        read = read_constants(
            points, lengths, factor=preset.lambda_scale, quantile=preset.mu_quantile, spectral=preset.spectral
        )
        self.constants_ = self.constants or read
        # in few dimensions the shortest edges are far below the typical one already: the published factor serves
        low = preset.normalise and self.link is None and points.shape[1] < NORMALISE_FROM
        self.link_ = 1.0 if low else preset.link
        if float(lengths.max()) == 0:  # what is joined is identical already
            self.edge_lengths_ = lengths
            self._finish(self.relink(0), points[self._place], Trace())
            return
        with make_engine(points, self.graph_, self.device, self.n_threads) as engine:
            trace = minimise(engine, self.constants_, preset.schedule)
            self.edge_lengths_ = engine.lengths()
            representatives = engine.representatives()
        labels = self._labels(self._linked(self.link_))
        whole = len(self._place) == len(points)
        self._finish(labels, representatives if whole else representatives[self._place], trace)

    def _labels(self, linked: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        """Connected components of linked edges as labels of rows, largest first; ties by the first row."""
        raw = self.graph_.components(linked)[self._place]
        sizes = np.bincount(raw)
        rank = np.empty(len(sizes), np.int32)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes), dtype=np.int32)
        return rank[raw]

    def _finish(self, labels: npt.NDArray[np.int32], representatives: F32, trace: Trace) -> RCC:
        self.labels_, self.n_clusters_ = labels, int(labels.max()) + 1
        self.representatives_ = representatives
        self.energy_ = trace.energy
        self.lambda_ = trace.strength
        self.solver_steps_ = trace.steps
        self.n_iter_ = max(1, len(trace.energy))
        return self


def make_engine(points: F32, graph: Graph, device: str, threads: int = 0) -> Any:
    """The engine of a device, as a context manager (see `tessera.learn.cluster.rcc.solver.Engine`).

    numba's kernels on the CPU; torch elsewhere, and on a CPU without numba.
    """
    import importlib.util

    if device == "cpu" and importlib.util.find_spec("numba") is not None:
        from tessera.learn.cluster.rcc.engine_cpu import CpuEngine

        return CpuEngine(points, graph, threads)
    from tessera.learn.cluster.rcc.engine_torch import TorchEngine

    return TorchEngine(points, graph, device)


__all__ = ["NORMALISE_FROM", "PRESETS", "RCC", "Engine", "Preset", "make_engine"]
