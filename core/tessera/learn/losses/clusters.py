"""Cross-entropy over pseudo-classes, over the batches of all processes."""

from __future__ import annotations

import torch
from torch import nn

from tessera.learn.features.distributed import Ranks


def cross_entropy(
    ranks: Ranks, logits: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor | None, ignored: int
) -> torch.Tensor:
    """This rank's part of the mean cross-entropy of the whole batch: the parts of all ranks add up to it.

    Args:
        ranks: those that hold the batch.
        logits: float (B, K) of this rank.
        targets: int64 (B,), `ignored` = does not count.
        weight: float (K,), of each class; None = equal.
        ignored: the mark in targets.
    """
    if ranks.world == 1:
        return nn.functional.cross_entropy(logits, targets, weight=weight, ignore_index=ignored)
    counting = targets[targets != ignored]
    mass = torch.tensor(float(len(counting)), device=logits.device) if weight is None else weight[counting].sum()
    summed = nn.functional.cross_entropy(logits, targets, weight=weight, ignore_index=ignored, reduction="sum")
    return summed / ranks.total(mass)
