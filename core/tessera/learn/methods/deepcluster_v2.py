"""DeepCluster-v2 (Caron et al. 2020, appendix D): cluster the embeddings that training saw last; centroids are the head.

There is no feature pass but the first and the last: each training step leaves its embeddings in the bank, a float16 file
with a row per tile. Spherical k-means on the bank gives pseudo-labels, and its centroids are the head's weights, which are
not trained: logits are cosines divided by the temperature.

Deviations from the paper: one bank, the mean of the crops' embeddings, for all heads (they differ by their start); a start
from the last labels unless asked otherwise; rows of tiles that were not drawn keep older embeddings; SGD without layer-wise
rates; k-means leaves no cluster tiny; the bank may be centred or whitened, and then embeddings are on their way to the head;
the last clustering is of un-augmented tiles by the last weights, so that later tiles can be placed.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tessera.config.methods import DeepClusterV2Config
from tessera.learn.features.device import autocast, place
from tessera.learn.features.distributed import open_together
from tessera.learn.features.extract import Bank, FeaturePass, Told, normalise_bank
from tessera.learn.methods.base import ClusterInput, Method, PseudoClasses, Rows, TrainContext
from tessera.learn.nets.encoders import Encoder
from tessera.tiles.loader import Batch

_PROJECTOR, _FITTING = 7, 5  # streams of randomness, see tessera.learn.train.trainer


class Embedder(nn.Module):
    """Encoder and projection: uint8 (B, 3, H, W) -> unit vectors float (B, dim).

    Args:
        encoder: gives features.
        dim: length of an embedding.
        generator: decides the projection's weights.
    """

    def __init__(self, encoder: Encoder, dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder, self.dim = encoder, dim
        self.projector = nn.Sequential(
            nn.Linear(encoder.dim, encoder.dim, bias=False),
            nn.BatchNorm1d(encoder.dim),
            nn.ReLU(inplace=True),
            nn.Linear(encoder.dim, dim),
        )
        with torch.no_grad():
            for module in self.projector:
                if isinstance(module, nn.Linear):
                    bound = module.in_features**-0.5  # torch's own start, by our generator
                    for parameter in module.parameters():
                        parameter.uniform_(-bound, bound, generator=generator)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of images."""
        return functional.normalize(self.projector(self.encoder(images)).float(), dim=1)


class DeepClusterV2(Method):
    """No feature pass between intervals; frozen centroids as head.

    Args:
        site: the context it works in.
    """

    def __init__(self, site: TrainContext) -> None:
        super().__init__(site)
        self.own = cast(DeepClusterV2Config, self.config.method)
        self.n_heads, self.crops = self.own.heads, self.own.crops
        seed = int(np.random.default_rng((self.config.seed, 0, _PROJECTOR)).integers(2**31))
        embedder = Embedder(self.encoder, self.own.projection_dim, torch.Generator().manual_seed(seed))
        self.embedder = place(self.ranks.synced(embedder), self.device)
        self.optimiser = torch.optim.SGD(
            embedder.parameters(),
            lr=self.config.optimiser.learning_rate,
            momentum=self.config.optimiser.momentum,
            weight_decay=self.config.optimiser.weight_decay,
        )
        shape = (site.n_tiles, self.own.projection_dim)
        self.bank: Bank = open_together(self.ranks, lambda: site.folder.open_bank(shape))
        self.prototypes: list[torch.Tensor] = []  # float (K, d) for each head
        self.weights: list[torch.Tensor | None] = []
        self._centre: tuple[torch.Tensor, torch.Tensor] | None = None  # mean and projection on the device

    def points(self, interval: int, told: Told) -> ClusterInput:
        """The bank, normalised; filled by a pass over all tiles only at the first and the last interval."""
        if interval in (0, self.config.epochs):
            whole = FeaturePass(self.embedder, self.site.loader, self.config, self.device, self.ranks)
            self.unreadable = whole.fill(self.bank, "none", interval, told).unreadable
        kind = self.config.chosen_normalisation
        if kind == "none":
            self.normalisation = None
            return ClusterInput(self.bank, {})
        dim = min(self.config.features.pca_dim, self.bank.shape[1]) if kind.startswith("pca") else self.bank.shape[1]
        rng = np.random.default_rng((self.config.seed, interval, _FITTING))
        shape = (len(self.bank), dim)
        if self.ranks.first:
            out = self.site.folder.scratch("points.f16", shape)
            self.normalisation = normalise_bank(self.bank, out, kind, rng)
        self.normalisation = self.ranks.tell(self.normalisation)
        assert self.normalisation is not None
        if not self.ranks.first:
            out = self.site.folder.scratch("points.f16", shape, new=False)
        return ClusterInput(out, {"explained_variance": self.normalisation.explained})

    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:  # noqa: ARG002 - the interface's
        """Put the centroids in place of the head."""
        self.prototypes = [
            functional.normalize(torch.from_numpy(classes.centroids), dim=1).to(self.device) for classes in heads
        ]
        self.weights = [
            None if classes.weights is None else torch.from_numpy(classes.weights).to(self.device) for classes in heads
        ]
        self._place_normalisation()

    def learn(self, batch: Batch, rows: Rows, rate: float) -> torch.Tensor:
        """One step: every crop is to be nearest its tile's centroid; the embeddings go to the bank."""
        targets = self._targets(rows)
        with autocast(self.device, self.config.precision):
            embeddings = self.embedder(self._images(batch))
        losses = []
        for prototypes, weights, target in zip(self.prototypes, self.weights, targets, strict=True):
            logits = self._clustered(embeddings) @ prototypes.T / self.own.temperature
            losses.append(self._cross_entropy(logits, target, weights))
            if len(losses) == 1:
                self._note_prediction(logits)
        loss = self._step(torch.stack(losses).mean(), [self.optimiser], rate)
        seen = embeddings.detach().view(self.crops, len(batch.ids), -1).mean(dim=0)
        self.bank[batch.ids[batch.newest]] = functional.normalize(seen, dim=1).cpu().numpy()[batch.newest]
        return loss

    def network(self) -> nn.Module:
        """Encoder and projection."""
        return self.embedder

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Encoder, projection and the optimiser of both."""
        return {"encoder": self.encoder, "projector": self.embedder.projector, "optimiser": self.optimiser}

    def flush(self) -> None:
        """Sync the bank. Rows newer than a checkpoint do no harm: a resumed run writes the same ones again."""
        if isinstance(self.bank, np.memmap):
            self.bank.flush()

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        super().load(state)
        self._place_normalisation()

    def _place_normalisation(self) -> None:
        self._centre = None
        if self.normalisation is not None:
            mean, projection = self.normalisation.mean, self.normalisation.projection
            self._centre = (
                torch.from_numpy(mean.astype(np.float32)).to(self.device),
                torch.from_numpy(projection.astype(np.float32)).to(self.device),
            )

    def _clustered(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Embeddings in the space that was clustered."""
        if self._centre is None:
            return embeddings
        mean, projection = self._centre
        return functional.normalize((embeddings - mean) @ projection, dim=1)
