"""Tessera: tissue classes found in unlabelled whole-slide archives by DeepCluster."""

__version__ = "0.1.0"
