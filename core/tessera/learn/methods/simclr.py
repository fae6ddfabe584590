"""SimCLR (Chen et al. 2020): two views of a tile attract each other, all others of the batch repel.

Deviations from the paper: temperature .2 and a rate of .1 at 256 tiles suit tiles (benchmarks/quality.py); SGD without
layer-wise rates; views made for H&E instead of colour jitter; the projector is Linear, ReLU, Linear as in the paper's
version 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tessera.config.run import MethodConfig
from tessera.config.settings import setting
from tessera.learn.methods.base import Method, TrainContext
from tessera.learn.train.randomness import Stream

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tessera.tiles.loader import Batch


@dataclass(frozen=True)
class SimCLRConfig(MethodConfig):
    """SimCLR: learns from pairs of views, without pseudo-labels."""

    name: ClassVar[str] = "simclr"
    least_batch: ClassVar[int] = 16  # fewer negatives teach nothing

    temperature: float = setting(0.2, "Smaller weighs the nearest others more.", low=0.01, high=10, advanced=True)
    projection_dim: int = setting(128, "Length of the embeddings that are compared.", low=2, high=4096, advanced=True)

    def build(self, context: TrainContext) -> SimCLR:
        """The method."""
        return SimCLR(context, self)


class SimCLR(Method):
    """Two views, a projector, NT-Xent.

    Args:
        context: where it works.
        own: its settings.
    """

    needs_labels = False
    views = 2

    def __init__(self, context: TrainContext, own: SimCLRConfig) -> None:
        super().__init__(context)
        import torch

        from tessera.learn.features.device import place
        from tessera.learn.nets.heads import Embedder, projector
        from tessera.learn.train.optimisers import build_optimiser

        self.own = own
        seed = int(np.random.default_rng((self.config.seed, 0, Stream.PROJECTOR)).integers(2**31))
        head = projector(self.encoder.dim, self.encoder.dim, own.projection_dim, torch.Generator().manual_seed(seed))
        self.embedder = place(self.ranks.synced(Embedder(self.encoder, head)), self.device)
        self.optimiser = build_optimiser(self.embedder.parameters(), self.config)

    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:  # noqa: ARG002 - without labels
        """NT-Xent of the two views of every tile."""
        from tessera.learn.features.device import autocast
        from tessera.learn.losses.ntxent import ntxent

        with autocast(self.device, self.config.precision):
            embeddings = self.embedder(self.images(batch))
        first, second = embeddings.float().chunk(2)
        return ntxent(first, second, self.own.temperature, self.ranks)

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """One for encoder and projector."""
        return [self.optimiser]

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Encoder, projector and the optimiser of both."""
        return {"encoder": self.encoder, "projector": self.embedder.projector, "optimiser": self.optimiser}
