"""DeepCluster (Caron et al. 2018): read features of all tiles, cluster, give the network a new head, train on it.

Deviations from the paper: the covariance of the whitening is in float64 with a floor under eigenvalues; k-means learns from
a subset, starts from the last labels and leaves no cluster tiny; clusters keep their ids; draws are balanced by size^1/2
unless asked otherwise; augmentation is made for H&E; RGB instead of Sobel unless asked (colour tells tissue apart).
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import nn

from tessera.config.methods import DeepClusterConfig
from tessera.learn.features.device import autocast, place
from tessera.learn.features.distributed import open_together
from tessera.learn.features.extract import FeaturePass, Told
from tessera.learn.methods.base import ClusterInput, Method, PseudoClasses, Rows, TrainContext
from tessera.tiles.loader import Batch

_HEAD = 3  # stream of randomness, see tessera.learn.train.trainer


class DeepCluster(Method):
    """Head re-initialised at each clustering, with its own optimiser, as the paper's code has them.

    Args:
        site: the context it works in.
    """

    def __init__(self, site: TrainContext) -> None:
        super().__init__(site)
        self.own = cast(DeepClusterConfig, self.config.method)
        self.optimiser = self._sgd(self.encoder, self.config.optimiser.momentum)
        self.ids = np.empty(0, np.int32)
        self.weights: torch.Tensor | None = None
        self.head = nn.Linear(self.encoder.dim, 2)
        self.head_optimiser = self._sgd(self.head, 0.0)

    def points(self, interval: int, told: Told) -> ClusterInput:
        """Features of all tiles, normalised."""
        kind = self.config.chosen_normalisation
        dim = min(self.config.features.pca_dim, self.encoder.dim) if kind.startswith("pca") else self.encoder.dim
        bank = open_together(self.ranks, lambda: self.site.folder.open_bank((self.site.n_tiles, dim)))
        whole = FeaturePass(self.encoder, self.site.loader, self.config, self.device, self.ranks)
        filled = whole.fill(bank, kind, interval, told)
        self.normalisation, self.unreadable = filled.normalisation, filled.unreadable
        return ClusterInput(bank, {"explained_variance": filled.normalisation.explained})

    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:
        """A fresh head N(0, 0.01); with keep_head the rows of clusters that continue keep their weights."""
        classes = heads[0]
        generator = torch.Generator().manual_seed(
            int(np.random.default_rng((self.config.seed, interval, _HEAD)).integers(2**31))
        )
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
        self.head_optimiser = self._sgd(self.head, 0.0)
        self.weights = None if classes.weights is None else torch.from_numpy(classes.weights).to(self.device)

    def learn(self, batch: Batch, rows: Rows, rate: float) -> torch.Tensor:
        """One step of cross-entropy on pseudo-labels, body and head together."""
        targets = self._targets(rows)[0]
        with autocast(self.device, self.config.precision):
            logits = self.head(torch.relu(self.encoder(self._images(batch))))
        loss = self._cross_entropy(logits.float(), targets, self.weights)
        self._note_prediction(logits)
        return self._step(loss, [self.optimiser, self.head_optimiser], rate)

    def network(self) -> nn.Module:
        """The encoder."""
        return self.encoder

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Encoder, head and their optimisers."""
        return {
            "encoder": self.encoder,
            "head": self.head,
            "body_optimiser": self.optimiser,
            "head_optimiser": self.head_optimiser,
        }

    def _sgd(self, module: nn.Module, momentum: float) -> torch.optim.SGD:
        return torch.optim.SGD(
            module.parameters(),
            lr=self.config.optimiser.learning_rate,
            momentum=momentum,
            weight_decay=self.config.optimiser.weight_decay,
        )
