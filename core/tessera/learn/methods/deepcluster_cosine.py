"""DeepCluster with a fixed cosine head on the layers that are read: the clusterer teaches, nothing learned between.

Features are pooled maps of the middle of the network, in PCA and on the unit sphere, as a look has them. Pseudo-labels
are the clusters of these features, made anew every few passes from averaged weights; logits are cosines with the
clusters' centroids, in the same space, divided by a temperature. The first stages are frozen. Meant for clusterers that
find K (RCC, Leiden), from pretrained weights; `examples/presets/deepcluster-rcc.toml` has the settings that were
measured.

Deviations from DeepCluster (Caron et al. 2018): no new head at each clustering, middle layers, frozen stages, averaged
weights, PCA without whitening. Frozen stages are computed at each step: their output is not kept.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tessera.config.run import MethodConfig
from tessera.config.settings import setting
from tessera.learn.features.space import Space
from tessera.learn.methods.base import IGNORED, ClusterInput, Method, PseudoClasses, TrainContext
from tessera.learn.train.randomness import Stream

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tessera.learn.features.extract import Told
    from tessera.tiles.loader import Batch

_CALIBRATED_ON = 1_280  # tiles


@dataclass(frozen=True)
class DeepClusterCosineConfig(MethodConfig):
    """DeepCluster with a fixed cosine head on the layers that are read."""

    name: ClassVar[str] = "deepcluster-cosine"

    labels_every: int = setting(2, "Passes between two clusterings that give pseudo-labels.", low=1, high=10_000)
    frozen_stride: int = setting(
        4, "Layers up to this stride keep their weights; 0 trains all.", low=0, high=64, advanced=True
    )
    average: float = setting(
        0.99, "Moving average of the weights that labels come from; warmed up.", low=0, high=1, advanced=True
    )
    temperature: float = setting(0.1, "Smaller sharpens the pseudo-classes.", low=0.01, high=10, advanced=True)

    def build(self, context: TrainContext) -> DeepClusterCosine:
        """The method."""
        return DeepClusterCosine(context, self)


class DeepClusterCosine(Method):
    """Centroids of the clustered features are the head; averaged weights give the next labels.

    Args:
        context: where it works.
        own: its settings.
    """

    def __init__(self, context: TrainContext, own: DeepClusterCosineConfig) -> None:
        super().__init__(context)
        from tessera.learn.features.layers import read_layers
        from tessera.learn.train.optimisers import build_optimiser

        self.own = own
        features = self.config.features
        self.network = read_layers(self.encoder, features.layers, features.pool)
        self._frozen = self._freeze()
        self.average = copy.deepcopy(self.encoder).requires_grad_(False)
        self.averaged = read_layers(self.average, features.layers, features.pool)
        trained = [weight for weight in self.encoder.parameters() if weight.requires_grad]
        self.optimiser = build_optimiser(trained, self.config)
        self.prototypes: torch.Tensor | None = None  # float (K, d)
        self.weights: torch.Tensor | None = None

    def wants_clusters(self, interval: int) -> bool:
        """Every few passes."""
        return interval % self.own.labels_every == 0

    def cluster_input(self, interval: int, told: Told) -> ClusterInput:
        """Features of the averaged weights, with statistics of the tiles; at the end these weights are the run's."""
        import torch

        from tessera.learn.features.distributed import open_together
        from tessera.learn.features.extract import FeaturePass
        from tessera.learn.nets.heads import calibrate

        rng = np.random.default_rng((self.config.seed, interval, Stream.CALIBRATION))
        n = self.context.n_tiles
        some = np.sort(rng.choice(n, min(n, _CALIBRATED_ON), replace=False))
        batches = [
            torch.from_numpy(batch.images).to(self.device)
            for batch in self.context.loader.plain(some, self.config.batch_size)
            if len(batch.ids) > 1
        ]
        calibrate(self.averaged, [self.average], batches)
        if interval == self.config.epochs:
            self.encoder.load_state_dict(self.average.state_dict())
        kind, width = self.config.chosen_normalisation, int(self.averaged.dim)
        dim = min(self.config.features.pca_dim, width) if kind.startswith("pca") else width
        bank = open_together(self.ranks, lambda: self._bank((n, dim)))
        views = self.config.features.views
        whole = FeaturePass(self.averaged, self.context.loader, self.config, self.device, self.ranks, views)
        filled = whole.fill(bank, kind, interval, told)
        self.normalisation, self.unreadable = filled.normalisation, filled.unreadable
        return ClusterInput([bank], {"explained_variance": filled.normalisation.explained})

    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:  # noqa: ARG002 - the interface's
        """The centroids are the head."""
        import torch

        classes = heads[0]
        self.prototypes = torch.nn.functional.normalize(torch.from_numpy(classes.centroids), dim=1).to(self.device)
        self.weights = None if classes.weights is None else torch.from_numpy(classes.weights).to(self.device)

    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:
        """Cross-entropy of cosines with the centroids, in the space that was clustered."""
        import torch

        from tessera.learn.features.device import autocast
        from tessera.learn.losses.clusters import cross_entropy

        assert targets is not None
        assert self.normalisation is not None
        assert self.prototypes is not None
        mean = torch.from_numpy(self.normalisation.mean.astype(np.float32)).to(self.device)
        projection = torch.from_numpy(self.normalisation.projection.astype(np.float32)).to(self.device)
        with autocast(self.device, self.config.precision):
            features = self.network(self.images(batch))
        points = torch.nn.functional.normalize((features.float() - mean) @ projection, dim=1)
        logits = points @ self.prototypes.T / self.own.temperature
        self.note_prediction(logits.detach().softmax(dim=1))
        return cross_entropy(self.ranks, logits, targets[0], self.weights, IGNORED)

    def after_step(self, step: int, n_steps: int) -> None:  # noqa: ARG002 - the interface's
        """Let the average follow, faster at first."""
        import torch

        kept = min(self.own.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.encoder.parameters(), strict=True):
                slow.lerp_(fast, 1 - kept)

    def train(self) -> None:
        """Begin a pass; frozen parts and the average keep their statistics."""
        self.encoder.train()
        self.average.eval()
        for module in self._frozen:
            module.eval()

    def space(self) -> Space:
        """The layers that are read."""
        return Space(
            layers=self.config.features.layers, pool=self.config.features.pool, views=self.config.features.views
        )

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """One for what is not frozen."""
        return [self.optimiser]

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Encoder, average and optimiser."""
        return {"encoder": self.encoder, "average": self.average, "optimiser": self.optimiser}

    def _freeze(self) -> list[Any]:
        """Freeze all layers up to a stride, in the order that they are registered; the modules that lie there."""
        backbone = self.encoder.backbone
        info = getattr(backbone, "feature_info", None)
        if not self.own.frozen_stride or not info:
            return []
        rows = [dict(row) for row in (info if isinstance(info, list) else info.info)]
        last = [row["module"] for row in rows if row["reduction"] <= self.own.frozen_stride]
        named = list(backbone.named_parameters())
        ends = [place for place, (name, _) in enumerate(named) if last and name.startswith(f"{last[-1]}.")]
        if not ends:
            return []
        held = {id(weight) for _, weight in named[: ends[-1] + 1]}
        for _, weight in named[: ends[-1] + 1]:
            weight.requires_grad_(False)
        return [
            module
            for module in backbone.modules()
            if (own := list(module.parameters(recurse=False))) and all(id(weight) in held for weight in own)
        ]
