"""DeepCluster-v2 (Caron et al. 2020, appendix D): cluster the embeddings that training saw last.

Centroids are the head.

Each training step leaves its embeddings in a memory, one for each view. Spherical k-means on it gives pseudo-labels
(head h clusters memory h modulo the number of views, as in the paper), and its centroids are the head's weights, which
are not
trained: logits are cosines divided by the temperature.

The first clustering and the last are of the encoder's own features: an untrained projector is a random view of them,
and later tiles are placed by what training was for. The statistics of untrained layers are set on some tiles before the
first pass, so that the first classes are met again in training.

Deviations from the paper: views of one size; a start from the last labels unless asked otherwise; rows of tiles that
were not drawn keep older embeddings; SGD without layer-wise rates; k-means leaves no cluster tiny; the memory may be
centred or whitened, and then embeddings are on their way to the head; one head and one view unless asked for more
(paper: three heads, eight views).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tessera.config.run import MethodConfig
from tessera.config.settings import setting
from tessera.learn.methods.base import IGNORED, ClusterInput, Method, PseudoClasses, TrainContext
from tessera.learn.train.randomness import Stream

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tessera.learn.features.extract import Bank, Told
    from tessera.tiles.loader import Batch

_CALIBRATED_ON = 1_280  # tiles


@dataclass(frozen=True)
class DeepClusterV2Config(MethodConfig):
    """DeepCluster-v2 (Caron et al. 2020): clusters what training has just seen."""

    name: ClassVar[str] = "deepcluster-v2"
    directions: ClassVar[bool] = True  # its head compares directions

    heads: int = setting(
        1, "Clusterings that are learnt side by side; results show the first.", low=1, high=16, advanced=True
    )
    crops: int = setting(1, "Views of each tile per training step; each costs its time.", low=1, high=16, advanced=True)
    temperature: float = setting(0.1, "Smaller sharpens the pseudo-classes.", low=0.01, high=10, advanced=True)
    projection_dim: int = setting(128, "Length of the embeddings that are clustered.", low=2, high=4096, advanced=True)

    def build(self, context: TrainContext) -> DeepClusterV2:
        """The method."""
        return DeepClusterV2(context, self)


class DeepClusterV2(Method):
    """No feature pass between intervals; frozen centroids as head.

    Args:
        context: where it works.
        own: its settings.
    """

    def __init__(self, context: TrainContext, own: DeepClusterV2Config) -> None:
        super().__init__(context)
        import torch

        from tessera.learn.features.device import place
        from tessera.learn.features.distributed import open_together
        from tessera.learn.nets.heads import Embedder, projector
        from tessera.learn.train.optimisers import build_optimiser

        self.own, self.n_heads, self.views = own, own.heads, own.crops
        seed = int(np.random.default_rng((self.config.seed, 0, Stream.PROJECTOR)).integers(2**31))
        head = projector(self.encoder.dim, self.encoder.dim, own.projection_dim, torch.Generator().manual_seed(seed))
        self.embedder = place(self.ranks.synced(Embedder(self.encoder, head)), self.device)
        self.optimiser = build_optimiser(self.embedder.parameters(), self.config)
        shape = (context.n_tiles, own.projection_dim)
        self.memories: list[Bank] = [
            open_together(self.ranks, functools.partial(context.folder.memory, f"memory-{view}.f16", shape))
            for view in range(own.crops)
        ]
        self.prototypes: list[torch.Tensor] = []  # float (K, d) for each head
        self.weights: list[torch.Tensor | None] = []
        self._middle: list[tuple[torch.Tensor, torch.Tensor] | None] = []  # mean and projection of each memory
        self._seen: tuple[Batch, torch.Tensor] | None = None

    def cluster_input(self, interval: int, told: Told) -> ClusterInput:
        """At the start and the end the encoder's features, in between the memories."""
        if interval == 0:
            self._begin(told)
        if interval in (0, self.config.epochs):
            self._middle = [None] * len(self.memories)
            return super().cluster_input(interval, told)
        kind = self.config.features.normalisation
        if kind in ("auto", "none"):
            self._middle = [None] * len(self.memories)
            return ClusterInput(list(self.memories), {})
        return self._normalised(interval, kind)

    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:
        """Put the centroids in place of the head; at the start, the mean embeddings of each class."""
        import torch

        found = [
            self._class_means(head, classes) if interval == 0 else classes.centroids
            for head, classes in enumerate(heads)
        ]
        if interval < max(1, self.config.epochs):  # the last clustering is of features and teaches nothing any more
            self.prototypes = [
                torch.nn.functional.normalize(torch.from_numpy(each), dim=1).to(self.device) for each in found
            ]
        self.weights = [
            None if classes.weights is None else torch.from_numpy(classes.weights).to(self.device) for classes in heads
        ]

    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:
        """Every view is to be nearest its tile's centroid, in each head."""
        import torch

        from tessera.learn.features.device import autocast
        from tessera.learn.losses.clusters import cross_entropy

        assert targets is not None
        with autocast(self.device, self.config.precision):
            embeddings = self.embedder(self.images(batch))
        losses = []
        for head, (prototypes, weights) in enumerate(zip(self.prototypes, self.weights, strict=True)):
            logits = self._clustered(embeddings, head) @ prototypes.T / self.own.temperature
            losses.append(cross_entropy(self.ranks, logits, targets[head], weights, IGNORED))
            if head == 0:
                self.note_prediction(logits.detach().float().softmax(dim=1))
        self._seen = (batch, embeddings.detach())
        return torch.stack(losses).mean()

    def after_step(self, step: int, n_steps: int) -> None:  # noqa: ARG002 - the interface's
        """Leave the embeddings of the step in the memories."""
        if self._seen is None:
            return
        batch, embeddings = self._seen
        of_views = embeddings.view(self.views, len(batch.ids), -1).cpu().numpy()
        for memory, seen in zip(self.memories, of_views, strict=True):
            memory[batch.ids[batch.newest]] = seen[batch.newest]
        self._seen = None

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """One for encoder and projector."""
        return [self.optimiser]

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Encoder, projector and the optimiser of both."""
        return {"encoder": self.encoder, "projector": self.embedder.projector, "optimiser": self.optimiser}

    def flush(self) -> None:
        """Sync the memories. Rows newer than a checkpoint do no harm: a resumed run writes the same ones again."""
        for memory in self.memories:
            if isinstance(memory, np.memmap):
                memory.flush()

    def finish(self) -> None:
        """Remove the memories."""
        self.memories = []
        if self.ranks.first:
            for path in self.context.folder.root.glob("memory-*.f16"):
                path.unlink()

    def state(self) -> dict[str, Any]:
        """Prototypes too: those of the start come from embeddings that training has since replaced."""
        return {**super().state(), "prototypes": self.prototypes, "middle": self._middle}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state; that of b674df0 has the memory in the bank, and prototypes in the run's folder."""
        super().load(state)
        if "prototypes" in state:
            self.prototypes = [each.to(self.device) for each in state["prototypes"]]
            self._middle = [
                None if each is None else (each[0].to(self.device), each[1].to(self.device)) for each in state["middle"]
            ]
        else:
            self._take_over()

    def _begin(self, told: Told) -> None:
        """Statistics of what is untrained, then the first embeddings of all tiles."""
        import torch

        from tessera.learn.features.extract import FeaturePass
        from tessera.learn.nets.heads import calibrate

        untrained = [self.embedder.projector, *([self.encoder] if self.encoder.origin.weights == "random" else [])]
        rng = np.random.default_rng((self.config.seed, 0, Stream.CALIBRATION))
        n = self.context.n_tiles
        some = np.sort(rng.choice(n, min(n, _CALIBRATED_ON), replace=False))
        batches = [
            torch.from_numpy(batch.images).to(self.device)
            for batch in self.context.loader.plain(some, self.config.batch_size)
            if len(batch.ids) > 1
        ]
        calibrate(self.embedder, untrained, batches)
        whole = FeaturePass(self.embedder, self.context.loader, self.config, self.device, self.ranks)
        whole.fill(self.memories[0], "none", 0, told)
        self.ranks.wait()
        if self.ranks.first:
            for memory in self.memories[1:]:
                memory[:] = self.memories[0]
        self.ranks.wait()

    def _class_means(self, head: int, classes: PseudoClasses) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Mean embedding of each class, float32 (K, d)."""
        from tessera.learn.cluster.vectors import class_means

        return class_means(self.memories[head % len(self.memories)], classes.rows, len(classes.ids))

    def _normalised(self, interval: int, kind: str) -> ClusterInput:
        """The memories, centred or whitened into files of their own."""
        import torch

        from tessera.learn.features.extract import normalise_bank

        width = self.own.projection_dim
        dim = min(self.config.features.pca_dim, width) if kind.startswith("pca") else width
        banks: list[Bank] = []
        explained, self._middle = 1.0, []
        for view, memory in enumerate(self.memories):
            rng = np.random.default_rng((self.config.seed, interval, Stream.FITTING, view))
            name, shape, made = f"points-{view}.f16", (len(memory), dim), None
            if self.ranks.first:
                out = self.context.folder.scratch(name, shape)
                made = normalise_bank(memory, out, kind, rng)
            made = self.ranks.tell(made)
            assert made is not None
            banks.append(out if self.ranks.first else self.context.folder.scratch(name, shape, new=False))
            explained = made.explained
            self._middle.append(
                (
                    torch.from_numpy(made.mean.astype(np.float32)).to(self.device),
                    torch.from_numpy(made.projection.astype(np.float32)).to(self.device),
                )
            )
        return ClusterInput(banks, {"explained_variance": explained})

    def _clustered(self, embeddings: torch.Tensor, head: int) -> torch.Tensor:
        """Embeddings in the space that a head's memory was clustered in."""
        import torch

        middle = self._middle[head % len(self.memories)]
        if middle is None:
            return embeddings
        mean, projection = middle
        return torch.nn.functional.normalize((embeddings - mean) @ projection, dim=1)

    def _take_over(self) -> None:
        """Go on with a run of b674df0: its bank is the memory."""
        import torch

        bank = self.context.folder.open_bank()
        for memory in self.memories:
            memory[:] = bank
        self._middle = [None] * len(self.memories)
        if self.normalisation is not None:
            mean, projection = self.normalisation.mean, self.normalisation.projection
            pair = (
                torch.from_numpy(mean.astype(np.float32)).to(self.device),
                torch.from_numpy(projection.astype(np.float32)).to(self.device),
            )
            self._middle = [pair] * len(self.memories)
