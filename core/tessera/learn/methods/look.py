"""A look: features of frozen weights, read as the settings say, clustered once. It is a run that trains nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tessera.config import RunConfig
from tessera.config.run import MethodConfig
from tessera.errors import ConfigError
from tessera.learn.features.space import Space
from tessera.learn.methods.base import ClusterInput, Method, TrainContext

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tessera.learn.features.extract import Bank, Told
    from tessera.learn.features.reading import Reading
    from tessera.tiles.loader import Batch

FOLDER = "features"  # of the workspace, where they are kept for all looks


@dataclass(frozen=True)
class LookConfig(MethodConfig):
    """A look: the features of frozen weights, clustered once. Nothing is trained."""

    name: ClassVar[str] = "look"
    trains: ClassVar[bool] = False

    def build(self, context: TrainContext) -> Look:
        """The method."""
        return Look(context)


class Look(Method):
    """Frozen features.

    Args:
        context: where it works.
    """

    needs_labels = False
    trains = False

    def __init__(self, context: TrainContext) -> None:
        super().__init__(context)
        self.reading = reading_of(self.config)

    def cluster_input(self, interval: int, told: Told) -> ClusterInput:  # noqa: ARG002 - the interface's
        """The features of all tiles, normalised; the first of several processes reads them for all."""
        from tessera.learn.features.reading import Pass, read_bank

        folder, n_tiles = self.context.folder, self.context.n_tiles
        if not self.ranks.first:
            self.ranks.wait()
            return ClusterInput([folder.open_bank()], {})
        folder.drop_bank()  # of a pass that was killed

        def open_bank(dim: int) -> Bank:
            return folder.open_bank((n_tiles, dim))

        tiles = folder.tiles()
        place = Pass(
            self.context.loader,
            self.device,
            self.config.features.batch_size,
            self.config.precision,
            self.config.seed,
            folder.root.parents[1] / FOLDER,
            folder.root,
            "" if tiles is None else hashlib.sha256(tiles.tobytes()).hexdigest()[:16],
        )
        _, filled = read_bank(
            self.encoder,
            self.reading,
            place,
            n_tiles=n_tiles,
            open_bank=open_bank,
            normalise=(self.config.chosen_normalisation, self.config.features.pca_dim),
            index=self.context.loader.source.index,  # type: ignore[attr-defined]
            told=told,
        )
        self.normalisation, self.unreadable = filled.normalisation, filled.unreadable
        self.ranks.wait()
        return ClusterInput([folder.open_bank()], {"explained_variance": filled.normalisation.explained})

    def loss(self, batch: Batch, targets: torch.Tensor | None) -> torch.Tensor:  # noqa: ARG002 - the interface's
        """Refused.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("a look trains nothing: set epochs=0, or choose another method")

    def space(self) -> Space:
        """The layers that are read, and over how many views."""
        return Space(layers=self.reading.layers, pool=self.reading.pool, views=self.reading.views)

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """The encoder, with the statistics that were adapted."""
        return {"encoder": self.encoder}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        super().load(state)
        self.encoder.eval()


def reading_of(config: RunConfig) -> Reading:
    """How a run's settings say that features are read."""
    from tessera.learn.features.reading import Reading

    features = config.features
    return Reading(features.layers, features.pool, features.views, features.adapt_bn, features.context, config.tile_px)
