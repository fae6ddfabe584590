"""What a way of learning has of its own; `tessera.learn.train.trainer.Trainer` does what all have in common.

A method says how many views of a tile it wants and whether it needs pseudo-labels, and gives the loss of a batch. The
trainer owns the backward pass, the sum of gradients over processes, the schedule, checkpoints, pause and resume; it
clusters at the start, at the end and where the method asks for it. This module loads no torch, so that settings of
methods can be shown without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tessera.config import RunConfig
from tessera.errors import RunError
from tessera.learn.features.space import Space

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tessera.learn.features.distributed import Ranks
    from tessera.learn.features.extract import Bank, Told
    from tessera.learn.features.whitening import Normalisation
    from tessera.tiles.loader import Batch, TileLoader
    from tessera.workspace.run_folder import RunFolder

IGNORED = -100  # torch's mark of a target that does not count

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TrainContext:
    """Where a method works.

    Attributes:
        config: of the run.
        n_tiles: of the run.
        folder: of the run.
        loader: reads its tiles.
        device: where networks are.
        ranks: the processes that learn together.
    """

    config: RunConfig
    n_tiles: int
    folder: RunFolder
    loader: TileLoader
    device: torch.device
    ranks: Ranks


@dataclass(frozen=True)
class ClusterInput:
    """What is to be clustered.

    Attributes:
        banks: float16 (N, d) each, unit vectors, row = tile number; head h clusters bank h modulo their number.
        figures: measured on the way.
    """

    banks: list[Bank]
    figures: dict[str, float]


@dataclass(frozen=True)
class PseudoClasses:
    """One clustering as the classes of a head.

    Attributes:
        ids: int32 (K,), persistent ids.
        centroids: float32 (K, d), in the space of the points.
        weights: float32 (K,), of each class in the loss; None = equal.
        rows: int32 (N,), class of each tile, -1 = none.
    """

    ids: npt.NDArray[np.int32]
    centroids: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None
    rows: Rows


class Method(ABC):
    """One way of learning.

    Args:
        context: where it works.
    """

    needs_labels = True  # whether `loss` is given pseudo-classes
    trains = True  # False: the starting weights are all there is
    n_heads = 1  # clusterings that are learnt side by side
    views = 1  # views of each tile in a batch

    def __init__(self, context: TrainContext) -> None:
        from tessera.learn.features.device import place
        from tessera.learn.nets.encoders import build_encoder

        self.context, self.config = context, context.config
        self.device, self.ranks = context.device, context.ranks
        about = self.config.encoder
        built = build_encoder(
            about.name,
            weights=about.weights,
            seed=self.config.seed,
            input=about.input,
            allow_partial=about.allow_partial,
            own_colour=about.colour == "own",
        )
        self.encoder = place(self.ranks.synced(built), self.device)
        self.unreadable: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self.normalisation: Normalisation | None = None
        self.prediction: npt.NDArray[np.float64] = np.zeros(0)

    @abstractmethod
    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:
        """The loss of one training step; its gradient is the trainer's.

        Args:
            batch: `views` views of each of B tiles.
            targets: int64 (heads, views * B), class of each view for each head, `IGNORED` = none; None without labels.

        Returns:
            This process's part: the parts of all processes add up to the loss of the whole batch.
        """

    def after_step(self, step: int, n_steps: int) -> None:  # noqa: B027 - nothing to do is the common case
        """What follows a step of the optimisers, such as a moving average.

        Args:
            step: steps done before this one.
            n_steps: of the whole run.
        """

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """Those that a step moves; asked anew at each step, since a head may be."""
        return []

    @abstractmethod
    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Everything with a state_dict, by name."""

    def wants_clusters(self, interval: int) -> bool:
        """Whether to cluster after so many passes; the start and the end are always clustered."""
        return self.needs_labels or interval % self.config.clustering.monitor_every == 0

    def cluster_input(self, interval: int, told: Told) -> ClusterInput:
        """What to cluster; sets `unreadable` and `normalisation`. Here.

        The encoder's features of all tiles, normalised.
        """
        from tessera.learn.features.distributed import open_together
        from tessera.learn.features.extract import FeaturePass

        kind = self.config.chosen_normalisation
        dim = min(self.config.features.pca_dim, self.encoder.dim) if kind.startswith("pca") else self.encoder.dim
        bank = open_together(self.ranks, lambda: self._bank((self.context.n_tiles, dim)))
        whole = FeaturePass(self.encoder, self.context.loader, self.config, self.device, self.ranks)
        filled = whole.fill(bank, kind, interval, told)
        self.normalisation, self.unreadable = filled.normalisation, filled.unreadable
        return ClusterInput([bank], {"explained_variance": filled.normalisation.explained})

    def _bank(self, shape: tuple[int, int]) -> Bank:
        """The bank, made anew when what is there has another width: b674df0 kept embeddings in it."""
        try:
            return self.context.folder.open_bank(shape)
        except RunError:
            self.context.folder.drop_bank()
            return self.context.folder.open_bank(shape)

    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:  # noqa: B027 - not every method has labels
        """Take new pseudo-classes, one clustering per head."""

    def space(self) -> Space:
        """What the bank holds after the last clustering, and what leads there; saved with every checkpoint."""
        return Space()

    def flush(self) -> None:  # noqa: B027 - nothing to do is the common case
        """Make what a pass has written durable, before a checkpoint that counts on it."""

    def finish(self) -> None:  # noqa: B027 - nothing to do is the common case
        """Remove what only training needed; the last checkpoint is written."""

    def train(self) -> None:
        """Begin a training pass."""
        for module in self.modules().values():
            if hasattr(module, "train"):
                module.train()

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs, as tensors and plain values."""
        import torch

        return {
            **{name: module.state_dict() for name, module in self.modules().items()},
            "unreadable": torch.from_numpy(self.unreadable),
            "normalisation": normalisation_state(self.normalisation),
            "prediction": torch.from_numpy(self.prediction),
            "space": self.space().state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state; heads have been rebuilt by `relabel` before."""
        for name, module in self.modules().items():
            module.load_state_dict(state[name])
        self.unreadable, self.prediction = state["unreadable"].numpy(), state["prediction"].numpy()
        self.normalisation = load_normalisation(state)

    def take_prediction_entropy(self) -> float | None:
        """Entropy of the mean prediction of head 0 since the last call, as a share of ln K.

        None without predictions.
        """
        total, self.prediction = self.prediction, np.zeros(0)
        if len(total) < 2 or float(total.sum()) == 0:
            return None
        shares = total[total > 0] / total.sum()
        return float(-(shares * np.log(shares)).sum() / np.log(len(total)))

    def note_prediction(self, probabilities: torch.Tensor) -> None:
        """Add a batch's predictions, float (B, K), to those that the entropy is taken of."""
        mean = self.ranks.total(probabilities.detach().float().sum(dim=0).double().cpu()).numpy()
        self.prediction = mean if len(self.prediction) != len(mean) else self.prediction + mean

    def images(self, batch: Batch) -> torch.Tensor:
        """uint8 (views * B, 3, H, W) on the device: the first views of all tiles, then the second ones."""
        import torch

        from tessera.learn.features.device_views import make_views

        images = torch.from_numpy(batch.images).to(self.device, non_blocking=True)
        return images if batch.views is None else make_views(images, batch.views, self.config.tile_px)


def normalisation_state(normalisation: Normalisation | None) -> dict[str, Any] | None:
    """A normalisation as a checkpoint keeps it."""
    import torch

    if normalisation is None:
        return None
    return {
        "mean": torch.from_numpy(normalisation.mean),
        "projection": torch.from_numpy(normalisation.projection),
        "explained": normalisation.explained,
    }


def load_normalisation(state: dict[str, Any]) -> Normalisation | None:
    """The normalisation of a checkpoint's state; None before the first clustering."""
    from tessera.learn.features.whitening import Normalisation

    stored = state["normalisation"]
    if stored is None:
        return None
    return Normalisation(stored["mean"].numpy(), stored["projection"].numpy(), float(stored["explained"]))
