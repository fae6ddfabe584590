"""Optimisers from settings."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from tessera.config import RunConfig


def build_optimiser(
    parameters: Iterable[nn.Parameter], config: RunConfig, *, momentum: float | None = None
) -> torch.optim.Optimizer:
    """An optimiser of some weights.

    Args:
        parameters: the weights.
        config: `optimiser`.
        momentum: of SGD, in place of the setting.
    """
    about = config.optimiser
    if about.name == "adamw":
        return torch.optim.AdamW(parameters, lr=about.learning_rate, weight_decay=about.weight_decay)
    return torch.optim.SGD(
        parameters,
        lr=about.learning_rate,
        momentum=about.momentum if momentum is None else momentum,
        weight_decay=about.weight_decay,
    )


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate
