"""How far a clusterer agrees with itself when features drift, when tiles are drawn anew, and under a new seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_mutual_info_score

from tessera.config import RunConfig
from tessera.learn.cluster import api
from tessera.learn.cluster.graph.neighbours import nearest

SAMPLE = 20_000

Points = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Stability:
    """AMI (geometric mean) with the undisturbed clustering of the same tiles, mean over rounds.

    Attributes:
        drift: features moved by Gaussian noise of `size` times the median distance of a nearest neighbour.
        bootstrap: tiles drawn with replacement, each kept once: 63 % of them; agreement on those.
        seed: nothing moved, but another seed.
    """

    drift: float
    bootstrap: float
    seed: float


def stability(
    points: Points, config: RunConfig, rng: np.random.Generator, *, size: float = 0.1, rounds: int = 3
) -> Stability:
    """Cluster disturbed copies of a sample of at most 20,000 tiles.

    Args:
        points: (N, D).
        config: the clusterer and its settings.
        rng: decides sample, noise, draws and seeds.
        size: of the drift, in nearest-neighbour distances.
        rounds: copies of each kind.
    """
    rows = np.sort(rng.choice(len(points), min(len(points), SAMPLE), replace=False))
    sample = np.asarray(points[rows], np.float32)
    base = _labels(sample, config, rng)
    near = nearest(sample, 1, metric="euclidean", threads=config.threads)
    step = size * float(np.median(near.distances)) / np.sqrt(sample.shape[1])
    scores: dict[str, list[float]] = {"drift": [], "bootstrap": [], "seed": []}
    for _ in range(rounds):
        moved = sample + rng.normal(scale=step, size=sample.shape).astype(np.float32)
        scores["drift"].append(agreement(base, _labels(moved, config, rng)))
        drawn = np.unique(rng.integers(0, len(sample), len(sample)))
        fewer = config.but({"clustering.clusters": min(config.clustering.clusters, len(drawn) // 2)})
        scores["bootstrap"].append(agreement(base[drawn], _labels(sample[drawn], fewer, rng)))
        scores["seed"].append(agreement(base, _labels(sample, config, rng)))
    return Stability(**{kind: float(np.mean(values)) for kind, values in scores.items()})


def agreement(first: Labels, second: Labels) -> float:
    """AMI with the geometric mean, as the RCC paper has it; 1 when both are one cluster."""
    return float(adjusted_mutual_info_score(first, second, average_method="geometric"))


def _labels(points: Points, config: RunConfig, rng: np.random.Generator) -> Labels:
    return api.cluster(points, config, np.random.default_rng(rng.integers(2**63))).labels
