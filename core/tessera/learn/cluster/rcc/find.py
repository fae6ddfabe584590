"""RCC as a clusterer of a run: the robust preset, its constants held from one clustering to the next."""

from __future__ import annotations

import numpy as np

from tessera.config import RunConfig
from tessera.learn.cluster.base import Found, Memory, Points, device_of, draw_seed
from tessera.learn.cluster.options import RCCConfig
from tessera.learn.cluster.rcc.model import RCC
from tessera.learn.cluster.rcc.solver import Constants

HELD = "rcc_constants"  # the key in a run's memory


def find_rcc(points: Points, config: RunConfig, rng: np.random.Generator, memory: Memory) -> Found:
    """Connected components of what RCC has drawn together; its dial is the linking threshold.

    Constants are read off the first clustering and held by `memory` when the config says so.
    """
    own = config.clustering.clusterer
    assert isinstance(own, RCCConfig)
    held = memory.get(HELD) if own.hold else None
    if len(points) < 2:
        return Found(np.zeros(len(points), np.int32))
    model = RCC(
        lambda_scale=own.lambda_scale,
        random_state=draw_seed(rng),
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
