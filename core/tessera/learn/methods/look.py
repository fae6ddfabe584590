"""A look: features of frozen weights, read as the settings say, clustered once. It is a run that trains nothing."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import nn

from tessera.config import RunConfig
from tessera.errors import ConfigError
from tessera.learn.features.extract import Bank, Told
from tessera.learn.features.layers import read_layers
from tessera.learn.features.reading import Pass, Reading, read_bank
from tessera.learn.methods.base import ClusterInput, Method, PseudoClasses, Rows, TrainContext
from tessera.tiles.loader import Batch

FOLDER = "features"  # of the workspace, where they are kept for all looks


class Look(Method):
    """Frozen features.

    Args:
        site: where it works.
    """

    def __init__(self, site: TrainContext) -> None:
        super().__init__(site)
        self.reading = reading_of(self.config)

    def points(self, interval: int, told: Told) -> ClusterInput:  # noqa: ARG002 - the interface's
        """The features of all tiles, normalised; the first of several processes reads them for all."""
        folder, n_tiles = self.site.folder, self.site.n_tiles
        if not self.ranks.first:
            self.ranks.wait()
            return ClusterInput(folder.open_bank(), {})
        folder.drop_bank()  # of a pass that was killed

        def open_bank(dim: int) -> Bank:
            return folder.open_bank((n_tiles, dim))

        tiles = folder.tiles()
        place = Pass(
            self.site.loader,
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
            index=self.site.loader.source.index,  # type: ignore[attr-defined]
            told=told,
        )
        self.normalisation, self.unreadable = filled.normalisation, filled.unreadable
        self.ranks.wait()
        return ClusterInput(folder.open_bank(), {"explained_variance": filled.normalisation.explained})

    def relabel(self, interval: int, heads: list[PseudoClasses]) -> None:
        """Nothing: there is no head."""

    def learn(self, batch: Batch, rows: Rows, rate: float) -> torch.Tensor:  # noqa: ARG002 - the interface's
        """Refused.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("a look trains nothing: set epochs=0, or choose another method")

    def network(self) -> nn.Module:
        """What is read of the encoder."""
        return read_layers(self.encoder, self.reading.layers, self.reading.pool)

    def modules(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """The encoder, with the statistics that were adapted."""
        return {"encoder": self.encoder}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        super().load(state)
        self.encoder.eval()


def reading_of(config: RunConfig) -> Reading:
    """How a run's settings say that features are read."""
    features = config.features
    return Reading(features.layers, features.pool, features.views, features.adapt_bn, features.context, config.tile_px)
