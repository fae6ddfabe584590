"""DeepCluster (Caron et al. 2018): read features of all tiles, cluster, give the network a new head, train on it.

Deviations from the paper: the covariance of the whitening is in float64 with a floor under eigenvalues; k-means learns
from a subset, starts from the last labels and leaves no cluster tiny; clusters keep their ids; draws are balanced by
size^1/2 unless asked otherwise; augmentation is made for H&E; RGB instead of Sobel unless asked (colour tells tissue
apart).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tessera.config.run import MethodConfig
from tessera.config.settings import setting
from tessera.learn.methods.base import IGNORED, Method, PseudoClasses, TrainContext
from tessera.learn.train.randomness import Stream

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tessera.tiles.loader import Batch


@dataclass(frozen=True)
class DeepClusterConfig(MethodConfig):
    """DeepCluster (Caron et al. 2018): all tiles are read again before each clustering."""

    name: ClassVar[str] = "deepcluster"
    schedule: ClassVar[str] = "constant"

    keep_head: bool = setting(
        False,
        "Let the head rows of clusters that continue keep their weights; the paper begins anew.",
        advanced=True,
    )

    def normalisation(self, neighbours: bool) -> str:
        """Whitening, as in the paper; not for clusterers on neighbours, which suffer from it."""
        return "pca" if neighbours else "pca-whiten"

    def build(self, context: TrainContext) -> DeepCluster:
        """The method."""
        return DeepCluster(context, self)


class DeepCluster(Method):
    """Head re-initialised at each clustering, with its own optimiser, as the paper's code has them.

    Args:
        context: where it works.
        own: its settings.
    """

    def __init__(self, context: TrainContext, own: DeepClusterConfig) -> None:
        super().__init__(context)
        from torch import nn

        from tessera.learn.train.optimisers import build_optimiser

        self.own = own
        self.optimiser = build_optimiser(self.encoder.parameters(), self.config)
        self.ids = np.empty(0, np.int32)
        self.weights: torch.Tensor | None = None
        self.head = nn.Linear(self.encoder.dim, 2)
        self.head_optimiser = build_optimiser(self.head.parameters(), self.config, momentum=0.0)

    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:
        """A fresh head N(0, 0.01); with keep_head the rows of clusters that continue keep their weights."""
        import torch
        from torch import nn

        from tessera.learn.features.device import place
        from tessera.learn.train.optimisers import build_optimiser

        classes = heads[0]
        seed = int(np.random.default_rng((self.config.seed, interval, Stream.HEAD)).integers(2**31))
        generator = torch.Generator().manual_seed(seed)
        before, ids_before = self.head, self.ids
        head = nn.Linear(self.encoder.dim, len(classes.ids))
        with torch.no_grad():
            head.weight.normal_(0, 0.01, generator=generator)
            head.bias.zero_()
            if self.own.keep_head and len(ids_before):
                _, new, old = np.intersect1d(classes.ids, ids_before, return_indices=True)
                head.weight[new] = before.weight.cpu()[old]
                head.bias[new] = before.bias.cpu()[old]
        self.head = place(head, self.device)
        self.ids = classes.ids
        self.head_optimiser = build_optimiser(self.head.parameters(), self.config, momentum=0.0)
        self.weights = None if classes.weights is None else torch.from_numpy(classes.weights).to(self.device)

    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:
        """Cross-entropy on pseudo-labels, body and head together."""
        from tessera.learn.features.device import autocast
        from tessera.learn.losses.clusters import cross_entropy

        assert targets is not None
        with autocast(self.device, self.config.precision):
            logits = self.head(self.encoder(self.images(batch)).relu())
        self.note_prediction(logits.detach().float().softmax(dim=1))
        return cross_entropy(self.ranks, logits.float(), targets[0], self.weights, IGNORED)

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """That of the body and that of the head."""
        return [self.optimiser, self.head_optimiser]

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Encoder, head and their optimisers."""
        return {
            "encoder": self.encoder,
            "head": self.head,
            "body_optimiser": self.optimiser,
            "head_optimiser": self.head_optimiser,
        }
