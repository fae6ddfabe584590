"""How the tokens of a vision transformer become one vector."""

from __future__ import annotations

import torch
from torch import nn


class Tokens(nn.Module):
    """A transformer of timm and the pooling that its authors recommend.

    Args:
        network: of timm; its `forward_features` gives normalised tokens, float (B, T, D).
        pooling: class, or class+mean: the class token, and the mean of the patch tokens after it.
    """

    def __init__(self, network: nn.Module, pooling: str) -> None:
        super().__init__()
        self.network, self.pooling = network, pooling
        self.prefix = int(getattr(network, "num_prefix_tokens", 1))  # class and register tokens

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float (B, C, H, W) -> float (B, D) or (B, 2 D)."""
        tokens: torch.Tensor = self.network.forward_features(images)
        if self.pooling == "class":
            return tokens[:, 0]
        return torch.cat([tokens[:, 0], tokens[:, self.prefix :].mean(dim=1)], dim=1)
