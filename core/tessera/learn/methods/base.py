"""What a way of learning from clusters has of its own; `tessera.learn.train.trainer.Trainer` does what all have in common.

Every interval the trainer asks for `points`, clusters them once per head, hands the pseudo-classes to `relabel`, and then
calls `learn` for each batch. Encoder, optimiser and loader live as long as the run; only heads change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tessera.config import RunConfig
from tessera.learn.features.device import place
from tessera.learn.features.device_views import make_views
from tessera.learn.features.distributed import Ranks, cross_entropy
from tessera.learn.features.extract import Bank, Told
from tessera.learn.features.whitening import Normalisation
from tessera.learn.nets.encoders import Encoder, build_encoder
from tessera.tiles.loader import Batch, TileLoader
from tessera.workspace.run_folder import RunFolder

_IGNORED = -100  # torch's mark of a target that does not count
_DROPOUT = 6  # stream of randomness, see tessera.learn.train.trainer

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TrainContext:
    """Where a method works.

    Attributes:
        config: of the run.
        n_tiles: of the run.
        folder: folder of the run.
        loader: reads its tiles.
        device: where networks are.
        ranks: the processes that learn together.
    """

    config: RunConfig
    n_tiles: int
    folder: RunFolder
    loader: TileLoader
    device: torch.device
    ranks: Ranks = field(default_factory=Ranks)


@dataclass(frozen=True)
class ClusterInput:
    """What is to be clustered.

    Attributes:
        bank: float16 (N, d), unit vectors, row = tile number.
        figures: measured on the way.
    """

    bank: Bank
    figures: dict[str, float]


@dataclass(frozen=True)
class PseudoClasses:
    """One clustering as the classes of a head.

    Attributes:
        ids: int32 (K,), persistent ids.
        centroids: float32 (K, d), in the space of the points.
        weights: float32 (K,), of each class in the loss; None = equal.
    """

    ids: npt.NDArray[np.int32]
    centroids: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None


class Method(ABC):
    """One way of learning.

    Args:
        site: the context it works in.
    """

    n_heads = 1
    crops = 1

    def __init__(self, site: TrainContext) -> None:
        self.site, self.config, self.device, self.ranks = site, site.config, site.device, site.ranks
        encoder = build_encoder(
            self.config.encoder.name,
            weights=self.config.encoder.weights,
            seed=self.config.seed,
            input=self.config.encoder.input,
            allow_partial=self.config.encoder.allow_partial,
            own_colour=self.config.encoder.colour == "own",
        )
        self.encoder: Encoder = place(self.ranks.synced(encoder), self.device)
        self.unreadable: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self.normalisation: Normalisation | None = None
        self.prediction = torch.zeros(0, dtype=torch.float64)

    @abstractmethod
    def points(self, interval: int, told: Told) -> ClusterInput:
        """What to cluster at an interval; sets `unreadable` and `normalisation`."""

    @abstractmethod
    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:
        """Take new pseudo-classes, one clustering per head."""

    @abstractmethod
    def learn(self, batch: Batch, rows: Rows, rate: float) -> torch.Tensor:
        """One training step.

        Args:
            batch: `crops` views of each of B tiles.
            rows: int32 (heads, B), pseudo-class of each tile as a row of its head, -1 = none.
            rate: learning rate.

        Returns:
            The loss, detached.
        """

    @abstractmethod
    def network(self) -> nn.Module:
        """uint8 (B, 3, H, W) -> float (B, D), what the normalisation takes."""

    @abstractmethod
    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Everything with a state_dict, by name."""

    def flush(self) -> None:  # noqa: B027 - nothing to do is the common case
        """Make what the bank holds durable, before a checkpoint that counts on it."""

    def train(self) -> None:
        """Begin a training pass."""
        for module in self.modules().values():
            if isinstance(module, nn.Module):
                module.train()

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs, as tensors and plain values."""
        return {
            **{name: module.state_dict() for name, module in self.modules().items()},
            "unreadable": torch.from_numpy(self.unreadable),
            "normalisation": normalisation_state(self.normalisation),
            "prediction": self.prediction,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state; heads have been rebuilt by `relabel` before."""
        for name, module in self.modules().items():
            module.load_state_dict(state[name])
        self.unreadable, self.prediction = state["unreadable"].numpy(), state["prediction"]
        self.normalisation = load_normalisation(state)

    def take_prediction_entropy(self) -> float | None:
        """Entropy of the mean prediction of head 0 since the last call, as a share of ln K; None without predictions."""
        total, self.prediction = self.prediction, torch.zeros(0, dtype=torch.float64)
        if len(total) < 2 or float(total.sum()) == 0:
            return None
        shares = total / total.sum()
        return float(torch.special.entr(shares).sum() / np.log(len(total)))

    def _note_prediction(self, logits: torch.Tensor) -> None:
        mean = self.ranks.total(torch.softmax(logits.detach().float(), dim=1).sum(dim=0).double().cpu())
        self.prediction = mean if len(self.prediction) != len(mean) else self.prediction + mean

    def _cross_entropy(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        """This rank's part of the mean over the whole batch."""
        return cross_entropy(self.ranks, logits, targets, weights, _IGNORED)

    def _step(self, loss: torch.Tensor, optimisers: list[torch.optim.Optimizer], rate: float) -> torch.Tensor:
        """One step of all optimisers down the gradient of all ranks; the loss of the whole batch, detached."""
        for optimiser in optimisers:
            set_rate(optimiser, rate)
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            self.ranks.add_gradients(parameter for group in optimiser.param_groups for parameter in group["params"])
            optimiser.step()
        return self.ranks.total(loss.detach())

    def _images(self, batch: Batch) -> torch.Tensor:
        """uint8 (crops * B, 3, H, W) on the device."""
        images = torch.from_numpy(batch.images).to(self.device, non_blocking=True)
        return images if batch.views is None else make_views(images, batch.views, self.config.tile_px)

    def _targets(self, rows: Rows) -> torch.Tensor:
        """int64 (heads, crops * B), with -1 turned into torch's mark of targets that do not count."""
        targets = np.where(rows < 0, _IGNORED, rows).astype(np.int64)
        return torch.from_numpy(np.tile(targets, (1, self.crops))).to(self.device, non_blocking=True)

    def seed(self, step: int) -> None:
        """Seed torch for dropout, which knows no generators, so that a resumed run drops the same."""
        key = (self.config.seed, step, _DROPOUT, *([self.ranks.rank] if self.ranks.rank else []))
        torch.manual_seed(int(np.random.default_rng(key).integers(2**63 - 1)))


def normalisation_state(normalisation: Normalisation | None) -> dict[str, Any] | None:
    """A normalisation as a checkpoint keeps it."""
    if normalisation is None:
        return None
    return {
        "mean": torch.from_numpy(normalisation.mean),
        "projection": torch.from_numpy(normalisation.projection),
        "explained": normalisation.explained,
    }


def load_normalisation(state: dict[str, Any]) -> Normalisation | None:
    """The normalisation of a checkpoint's state; None before the first clustering."""
    stored = state["normalisation"]
    if stored is None:
        return None
    return Normalisation(stored["mean"].numpy(), stored["projection"].numpy(), float(stored["explained"]))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate
