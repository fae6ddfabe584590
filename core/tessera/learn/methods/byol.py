"""BYOL (Grill et al. 2020): predict one view's embedding by a slowly moving copy of the network from the other's.

Deviations from the paper: projector D-1024-128 as suits a CPU (paper 4096-256); SGD without layer-wise rates; views
made for H&E instead of colour jitter.
"""

from __future__ import annotations

import copy
import math
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
class BYOLConfig(MethodConfig):
    """BYOL: learns from pairs of views without pseudo-labels and without others to compare with."""

    name: ClassVar[str] = "byol"

    momentum: float = setting(
        0.996, "Of the moving average at the start; it rises to 1 at the end.", low=0, high=1, advanced=True
    )
    hidden_dim: int = setting(1024, "Width of projector and predictor.", low=2, high=65_536, advanced=True)
    projection_dim: int = setting(128, "Length of the embeddings that are compared.", low=2, high=4096, advanced=True)

    def build(self, context: TrainContext) -> BYOL:
        """The method."""
        return BYOL(context, self)


class BYOL(Method):
    """An online network with a predictor, and a target that follows it.

    Args:
        context: where it works.
        own: its settings.
    """

    needs_labels = False
    views = 2

    def __init__(self, context: TrainContext, own: BYOLConfig) -> None:
        super().__init__(context)
        import torch
        from torch import nn

        from tessera.learn.features.device import place
        from tessera.learn.nets.heads import Embedder, projector
        from tessera.learn.train.optimisers import build_optimiser

        self.own = own
        seed = int(np.random.default_rng((self.config.seed, 0, Stream.PROJECTOR)).integers(2**31))
        generator = torch.Generator().manual_seed(seed)
        head = projector(self.encoder.dim, own.hidden_dim, own.projection_dim, generator)
        predictor = projector(own.projection_dim, own.hidden_dim, own.projection_dim, generator)
        self.online = place(self.ranks.synced(Embedder(self.encoder, head)), self.device)
        self.predictor = place(self.ranks.synced(predictor), self.device)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.optimiser = build_optimiser(nn.ModuleList([self.online, self.predictor]).parameters(), self.config)

    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:  # noqa: ARG002 - without labels
        """2 - 2 cos of prediction and target, both ways (equation 2), mean over tiles."""
        import torch
        from torch.nn import functional

        from tessera.learn.features.device import autocast

        images = self.images(batch)
        with autocast(self.device, self.config.precision):
            predicted = self.predictor(self.online(images))
            with torch.no_grad():
                first, second = self.target(images).float().chunk(2)
        cosines = (functional.normalize(predicted.float(), dim=1) * torch.cat([second, first])).sum(dim=1)
        n_tiles = self.ranks.total(torch.tensor(float(len(batch.ids)), device=self.device))
        return (2 - 2 * cosines).sum() / n_tiles

    def after_step(self, step: int, n_steps: int) -> None:
        """Let the target follow: m = 1 - (1 - m0) (cos(pi t / T) + 1) / 2; its statistics are its own."""
        import torch

        momentum = 1 - (1 - self.own.momentum) * (math.cos(math.pi * step / max(1, n_steps)) + 1) / 2
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
                slow.lerp_(fast, 1 - momentum)

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """One for the online network and its predictor."""
        return [self.optimiser]

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Both networks, the predictor and the optimiser."""
        return {
            "encoder": self.encoder,
            "projector": self.online.projector,
            "predictor": self.predictor,
            "target": self.target,
            "optimiser": self.optimiser,
        }
