"""HDBSCAN (Campello, Moulavi and Sander 2013) by scikit-learn, on 16 principal components."""

from __future__ import annotations

import numpy as np

from tessera.config import RunConfig
from tessera.learn.cluster.base import Found, Memory, Points
from tessera.learn.cluster.rcc.prepare import distinct_rows, fit_space

LIMIT = 20_000  # points; it is quadratic here
_DIMENSIONS = 16  # in more it calls nearly everything noise
_SAMPLES = 10


def find_hdbscan(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:  # noqa: ARG001
    """Dense regions as clusters, all else as noise; it has no dial."""
    from sklearn.cluster import HDBSCAN

    first, place = distinct_rows(points)
    if len(first) <= _SAMPLES:
        return Found(np.zeros(len(points), np.int32))
    reduced = fit_space(points[first], _DIMENSIONS).apply(points[first])
    smallest = max(config.clustering.min_cluster, 5, len(first) // 1000)
    model = HDBSCAN(min_cluster_size=smallest, min_samples=_SAMPLES, n_jobs=config.threads or -1, copy=True)
    labels = model.fit_predict(reduced).astype(np.int32)[place]
    return Found(labels, figures={"noise": float((labels < 0).mean())})
