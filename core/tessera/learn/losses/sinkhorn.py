"""Balanced soft assignments by Sinkhorn-Knopp, the codes of SwAV (Caron et al. 2020, equations 3-5)."""

from __future__ import annotations

import torch


def sinkhorn(scores: torch.Tensor, *, epsilon: float = 0.05, rounds: int = 3) -> torch.Tensor:
    """Codes of some views: each row sums to one, and every prototype gets about the same share.

    In float32 whatever comes in: exp(s / epsilon) overflows half precision.

    Args:
        scores: float (B, K), cosines of embeddings with prototypes.
        epsilon: smoothness; smaller gives harder codes.
        rounds: of normalising columns (prototypes) to 1 / K and rows (views) to 1 / B.

    Returns:
        float32 (B, K), without gradients.
    """
    with torch.no_grad():
        scores = scores.float()
        codes = torch.exp((scores - scores.max()) / epsilon)
        for _ in range(rounds):
            codes = codes / codes.sum(dim=0, keepdim=True).clamp(min=1e-12) / codes.shape[1]
            codes = codes / codes.sum(dim=1, keepdim=True).clamp(min=1e-12) / codes.shape[0]
        return codes * codes.shape[0]
