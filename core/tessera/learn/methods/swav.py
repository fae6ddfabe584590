"""SwAV (Caron et al. 2020): predict the code of one view from another; codes are balanced assignments to prototypes.

Deviations from the paper: views of one size; the queue holds the last embeddings from `queue_from` of the run on
(paper: epoch 15 at 256 tiles); SGD without layer-wise rates. Small batches without the queue teach little: codes of
fewer views than prototypes cannot be balanced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

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
class SwAVConfig(MethodConfig):
    """SwAV: learns by swapping codes of views; codes come batch by batch, without clustering all tiles."""

    name: ClassVar[str] = "swav"

    prototypes: int = setting(
        60, "Number of prototypes; about a tenth of the tiles, 3,000 for many.", low=2, high=100_000
    )
    queue: int = setting(
        3_840, "Embeddings of earlier batches that balance the codes; 0 is none.", low=0, advanced=True
    )
    queue_from: float = setting(0.15, "Share of the run after which the queue is used.", low=0, high=1, advanced=True)
    freeze: float = setting(0.05, "Share of the run in which prototypes stay put.", low=0, high=1, advanced=True)
    temperature: float = setting(0.1, "Of predictions.", low=0.01, high=10, advanced=True)
    epsilon: float = setting(0.05, "Smoothness of codes; smaller is harder.", low=0.001, high=10, advanced=True)
    crops: int = setting(2, "Views of each tile per training step.", low=2, high=16, advanced=True)
    projection_dim: int = setting(128, "Length of the embeddings.", low=2, high=4096, advanced=True)

    def build(self, context: TrainContext) -> SwAV:
        """The method."""
        return SwAV(context, self)


class SwAV(Method):
    """Views, a projector, prototypes on the unit sphere.

    Args:
        context: where it works.
        own: its settings.
    """

    needs_labels = False

    def __init__(self, context: TrainContext, own: SwAVConfig) -> None:
        super().__init__(context)
        import torch
        from torch import nn

        from tessera.learn.features.device import place
        from tessera.learn.nets.heads import Embedder, projector
        from tessera.learn.train.optimisers import build_optimiser

        self.own, self.views = own, own.crops
        seed = int(np.random.default_rng((self.config.seed, 0, Stream.PROJECTOR)).integers(2**31))
        generator = torch.Generator().manual_seed(seed)
        head = projector(self.encoder.dim, self.encoder.dim, own.projection_dim, generator)
        self.embedder = place(self.ranks.synced(Embedder(self.encoder, head)), self.device)
        self.prototypes = nn.Linear(own.projection_dim, own.prototypes, bias=False)
        with torch.no_grad():
            self.prototypes.weight.normal_(generator=generator)
        place(self.prototypes, self.device)
        self.queue = torch.zeros(0, own.projection_dim, device=self.device)  # newest first, of all processes
        self.steps = 0
        self._newest = self.queue
        self.optimiser = build_optimiser(nn.ModuleList([self.embedder, self.prototypes]).parameters(), self.config)

    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:  # noqa: ARG002 - without labels
        """Cross-entropy of every other view against the codes of the first two (section 3.1)."""
        import torch
        from torch.nn import functional

        from tessera.learn.features.device import autocast

        with torch.no_grad():
            self.prototypes.weight.copy_(functional.normalize(self.prototypes.weight, dim=1))
        with autocast(self.device, self.config.precision):
            embeddings = self.embedder(self.images(batch))
        moves = self.steps >= self.own.freeze * self._n_steps()
        weight = self.prototypes.weight if moves else self.prototypes.weight.detach()
        scores = embeddings.float() @ weight.T  # (views * B, K)
        self.note_prediction((scores.detach() / self.own.temperature).softmax(dim=1))
        of_views, n_own = scores.chunk(self.views), len(batch.ids)
        n_tiles = self.ranks.total(torch.tensor(float(n_own), device=self.device))
        losses = []
        for view in range(2):
            whole, start = self.ranks.gather_rows(of_views[view].detach())
            codes = self._codes(whole)[start : start + n_own]
            losses += [
                -(codes * (other / self.own.temperature).log_softmax(dim=1)).sum() / n_tiles
                for place, other in enumerate(of_views)
                if place != view
            ]
        self._newest = self.ranks.gather_rows(embeddings.detach().float().chunk(self.views)[0])[0]
        return torch.stack(losses).sum() / (2 * (self.views - 1))

    def after_step(self, step: int, n_steps: int) -> None:  # noqa: ARG002 - the interface's
        """Move the queue on."""
        import torch

        self.steps = step + 1
        self.queue = torch.cat([self._newest, self.queue])[: self.own.queue]

    def _codes(self, scores: torch.Tensor) -> torch.Tensor:
        """Codes of a batch, balanced together with the queue once it is used and full."""
        import torch

        from tessera.learn.losses.sinkhorn import sinkhorn

        if not self.own.queue or self.steps < self.own.queue_from * self._n_steps():
            return sinkhorn(scores, epsilon=self.own.epsilon)
        queued = self.queue @ self.prototypes.weight.detach().T
        return sinkhorn(torch.cat([scores, queued]), epsilon=self.own.epsilon)[: len(scores)]

    def _n_steps(self) -> int:
        """Of the whole run."""
        tiles = self.config.sampling.interval_tiles or self.context.n_tiles
        return self.config.epochs * -(-tiles // self.config.batch_size)

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """One for all; prototypes get no gradient while they are frozen."""
        return [self.optimiser]

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Encoder, projector, prototypes and the optimiser."""
        return {
            "encoder": self.encoder,
            "projector": self.embedder.projector,
            "prototypes": self.prototypes,
            "optimiser": self.optimiser,
        }

    def state(self) -> dict[str, Any]:
        """The queue too."""
        return {**super().state(), "queue": self.queue, "steps": self.steps}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        super().load(state)
        self.queue, self.steps = state["queue"].to(self.device), int(state["steps"])
