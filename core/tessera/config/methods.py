"""Settings of the methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tessera.config.run import MethodConfig
from tessera.config.settings import setting


@dataclass(frozen=True)
class LookConfig(MethodConfig):
    """A look: the features of frozen weights, clustered once. Nothing is trained."""

    name: ClassVar[str] = "look"

    def normalisation(self, neighbours: bool) -> str:  # noqa: ARG002 - the interface's
        """PCA without whitening, for every clusterer."""
        return "pca"


@dataclass(frozen=True)
class DeepClusterConfig(MethodConfig):
    """DeepCluster (Caron et al. 2018)."""

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


@dataclass(frozen=True)
class DeepClusterV2Config(MethodConfig):
    """DeepCluster-v2 (Caron et al. 2020, appendix D)."""

    name: ClassVar[str] = "deepcluster-v2"
    directions: ClassVar[bool] = True  # its head compares directions

    heads: int = setting(
        1, "Clusterings that are learnt side by side; results show the first.", low=1, high=16, advanced=True
    )
    crops: int = setting(
        1, "Views of each tile per training step; two cost twice the time.", low=1, high=2, advanced=True
    )
    temperature: float = setting(0.1, "Smaller sharpens the pseudo-classes.", low=0.01, high=10, advanced=True)
    projection_dim: int = setting(128, "Length of the embeddings that are clustered.", low=2, high=4096, advanced=True)
