"""Agreement among clusterers.

Of figures without labels, the one that follows quality best (reference/learning.md, 5).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.config import RunConfig
from tessera.learn.cluster import api
from tessera.learn.cluster.default import default_clusterer
from tessera.learn.evaluate import metrics

SAMPLE = 20_000
AMONG = tuple(dict.fromkeys(("kmeans", "rcc", default_clusterer())))

Labels = npt.NDArray[np.int32]


def by_all(points: npt.NDArray[np.floating], k: int, config: RunConfig, rng: np.random.Generator) -> dict[str, Labels]:
    """The same points clustered into `k` by each of k-means, RCC and the default clusterer.

    Args:
        points: (N, D).
        k: clusters.
        config: all other settings.
        rng: decides everything random.
    """
    return {name: api.cluster(points, with_clusterer(config, name, k), rng).labels for name in AMONG}


def with_clusterer(config: RunConfig, name: str, k: int | None) -> RunConfig:
    """Settings with another clusterer and number of clusters; None leaves it free."""
    count = "free" if k is None else "target"
    return config.but(
        {
            "clustering.clusterer": name,
            "clustering.count": count,
            "clustering.clusters": k or config.clustering.clusters,
        }
    )


def with_count(config: RunConfig, k: int) -> RunConfig:
    """Settings with another number of clusters, where a number is asked for at all."""
    return config.but({"clustering.clusters": k})


def among(labellings: dict[str, Labels]) -> float:
    """Mean AMI of all pairs of labellings."""
    found = list(labellings.values())
    pairs = [(a, b) for row, a in enumerate(found) for b in found[:row]]
    return float(np.mean([metrics.ami(a, b, np.random.default_rng(0)) for a, b in pairs]))
