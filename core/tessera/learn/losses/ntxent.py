"""NT-Xent, the loss of SimCLR (Chen et al. 2020, equation 1)."""

from __future__ import annotations

import torch

from tessera.learn.features.distributed import Ranks


def ntxent(first: torch.Tensor, second: torch.Tensor, temperature: float, ranks: Ranks) -> torch.Tensor:
    """Mean over all 2 B views of -log(exp(s_ij / t) / sum over k != i of exp(s_ik / t)), s = cosine, j = other view.

    Args:
        first: float (B, d), unit vectors, the first views of this process's tiles.
        second: float (B, d), the second views.
        temperature: t.
        ranks: processes that share the batch; negatives are those of all, and gradients flow to all.

    Returns:
        This process's part: the sum over its own views divided by the number of views of the whole batch.
    """
    own = torch.cat([first, second])  # (2 B, d)
    everybody, start = ranks.gather_rows(own)  # (M, d)
    scores = own @ everybody.T / temperature  # (2 B, M)
    place = torch.arange(len(own), device=own.device)
    scores = scores.masked_fill(
        torch.nn.functional.one_hot(start + place, len(everybody)).bool(), float("-inf")
    )  # never itself
    partner = start + (place + len(first)) % len(own)
    return torch.nn.functional.cross_entropy(scores, partner, reduction="sum") / len(everybody)
