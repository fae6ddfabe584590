"""Settings of the clusterers, one class each; a light module, so that forms and the command line can show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tessera.config.run import ClustererConfig
from tessera.config.settings import setting


@dataclass(frozen=True)
class KMeansConfig(ClustererConfig):
    """Lloyd's k-means on unit vectors."""

    name: ClassVar[str] = "kmeans"


@dataclass(frozen=True)
class SphericalKMeansConfig(ClustererConfig):
    """k-means with centroids on the unit sphere."""

    name: ClassVar[str] = "spherical-kmeans"
    directions: ClassVar[bool] = True


@dataclass(frozen=True)
class RCCConfig(ClustererConfig):
    """Robust Continuous Clustering (Shah & Koltun 2017)."""

    name: ClassVar[str] = "rcc"
    neighbours: ClassVar[bool] = True

    lambda_scale: float = setting(
        4.0, "How strongly neighbours attract; larger gives fewer clusters.", low=0.01, high=1000, advanced=True
    )
    hold: bool = setting(
        True, "Hold the scales of the first clustering of a run, so that K does not drift.", advanced=True
    )


@dataclass(frozen=True)
class PICConfig(ClustererConfig):
    """Power iteration clustering on the neighbour graph, as in DeepCluster's code."""

    name: ClassVar[str] = "pic"
    neighbours: ClassVar[bool] = True


@dataclass(frozen=True)
class HDBSCANConfig(ClustererConfig):
    """HDBSCAN on 16 principal components."""

    name: ClassVar[str] = "hdbscan"
    neighbours: ClassVar[bool] = True


@dataclass(frozen=True)
class LeidenConfig(ClustererConfig):
    """Leiden communities of the mutual neighbour graph."""

    name: ClassVar[str] = "leiden"
    neighbours: ClassVar[bool] = True
