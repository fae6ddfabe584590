"""How curated classes are exported, and how labels of a few tiles are propagated to all."""

from __future__ import annotations

from dataclasses import dataclass

from tessera.config.settings import Config, setting
from tessera.errors import ConfigError


@dataclass(frozen=True)
class ExportConfig(Config):
    """What of the chosen classes is written, and how it is divided."""

    per_class: int = setting(
        0, "Take at most this many tiles of each class, typical to unusual alike; 0 takes all.", unit="tiles", low=0
    )
    val: float = setting(0, "Share of patients whose tiles are set aside for validation.", low=0, high=0.9)
    test: float = setting(0, "Share of patients whose tiles are set aside for the test.", low=0, high=0.9)
    seed: int = setting(0, "Decides which tiles and which patients.", low=0, high=2**31 - 1)
    licence: str = setting("", "Terms of use of the slides, for the dataset card.")
    bins: int = setting(5, "Steps from typical to unusual that a sample takes evenly from.", low=1, advanced=True)
    shard_tiles: int = setting(
        5_000, "Tiles in one file of a WebDataset or a table.", unit="tiles", low=1, advanced=True
    )

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is out of its bounds, or nothing is left to train on.
        """
        super().__post_init__()
        if self.val + self.test > 0.9:
            raise ConfigError(
                f"val={self.val:g} and test={self.test:g} leave too little to train on: at most 0.9 together"
            )


@dataclass(frozen=True)
class PropagateConfig(Config):
    """How labels of a few tiles are propagated to all (M3S; figures of the paper unless another reason is given)."""

    neighbours: int = setting(15, "Neighbours of a tile in the graph; edges that are mutual count.", low=1, high=200)
    stages: int = setting(5, "How often confident predictions become labels.", low=0, high=50)
    stage_share: float = setting(
        0.1, "Share of the tiles of a class that a stage considers: half of them after five stages.", low=0, high=1
    )
    per_cluster: int = setting(
        5, "Typical tiles of each named cluster that count as labelled; 0 takes labelled tiles only.", low=0
    )
    seed: int = setting(0, "Decides weights and samples.", low=0, high=2**31 - 1)
    epochs: int = setting(200, "Training steps of a stage.", low=1, high=10_000, advanced=True)
    hidden: int = setting(64, "Width of the network.", low=2, high=4096, advanced=True)
    dropout: float = setting(0.5, "Share of inputs dropped in training.", low=0, high=0.95, advanced=True)
    learning_rate: float = setting(0.01, "Adam step.", low=0, high=1, advanced=True)
    weight_decay: float = setting(1e-5, "L2 penalty.", low=0, high=1, advanced=True)
    align_clusters: int = setting(200, "Clusters that predictions are checked against.", low=2, advanced=True)
    max_tiles: int = setting(
        50_000,
        "Tiles that the network works on; the others follow their neighbours.",
        unit="tiles",
        low=100,
        advanced=True,
    )
