"""Losses against slow ones written out, and codes against what they promise."""

from __future__ import annotations

import numpy as np
import torch
from tessera.learn.features.distributed import Ranks
from tessera.learn.losses.ntxent import ntxent
from tessera.learn.losses.sinkhorn import sinkhorn


def unit(n: int, seed: int) -> torch.Tensor:
    made = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 8)))
    return torch.nn.functional.normalize(made, dim=1)


def test_ntxent_is_equation_1_of_simclr() -> None:
    first, second, t = unit(5, 1), unit(5, 2), 0.2
    views = torch.cat([first, second]).numpy()
    total = 0.0
    for i in range(10):
        j = (i + 5) % 10
        others = sum(np.exp(views[i] @ views[k] / t) for k in range(10) if k != i)
        total -= np.log(np.exp(views[i] @ views[j] / t) / others)
    np.testing.assert_allclose(float(ntxent(first, second, t, Ranks())), total / 10)


def test_codes_are_balanced_and_float32_whatever_comes_in() -> None:
    scores = (unit(64, 3) @ unit(4, 4).T).half()
    scores[:, 0] += 0.5  # without balance all would choose the first prototype
    codes = sinkhorn(scores, rounds=30)
    assert codes.dtype == torch.float32
    np.testing.assert_allclose(codes.sum(dim=1), 1, rtol=1e-5)
    np.testing.assert_allclose(codes.sum(dim=0), 16, rtol=0.05)
