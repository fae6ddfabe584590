"""What a clusterer that finds the number of clusters itself is given, and what it answers.

To add one: a file with a function of the signature `Find`, and a line in the table of `tessera.learn.cluster.api`. It
takes points that fit its cost (beyond, `api` gives it micro-centroids) and answers with labels, noise allowed. Folding
and the number of clusters are the same for all and stand in `sizes` and `count` beside this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tessera.config import RunConfig

NO_LIMIT = 10_000_000  # points: more than are ever given to a clusterer

Points = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int32]
Memory = dict[str, npt.NDArray[np.float64]]
Finer = Callable[[float], Labels]


@dataclass(frozen=True)
class Found:
    """What a clusterer found.

    Attributes:
        labels: int32 (M,), -1 = noise.
        finer: labels at a share of the present granularity (1 is `labels`, smaller gives more clusters); None when the
            clusterer has no such dial.
        figures: what else was measured.
    """

    labels: Labels
    finer: Finer | None = None
    figures: dict[str, float] = field(default_factory=dict)


Find = Callable[[Points, RunConfig, np.random.Generator, Memory], Found]


@dataclass(frozen=True)
class Clusterer:
    """A row of the table of clusterers.

    Attributes:
        find: does the work.
        limit: points that it can take; beyond, it works on micro-centroids.
    """

    find: Find
    limit: int = NO_LIMIT


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for a library, drawn from ours."""
    return int(rng.integers(1, 2**31 - 1))


def device_of(config: RunConfig) -> str:
    """Where graphs are built and solved: cpu, or a CUDA device."""
    if config.device == "cpu":
        return "cpu"
    from tessera.learn.features.device import choose_device

    chosen = choose_device(config.device)
    return str(chosen) if chosen.type == "cuda" else "cpu"
