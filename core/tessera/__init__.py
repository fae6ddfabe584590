"""Tessera: tissue classes found in unlabelled whole-slide archives by DeepCluster."""

import os

__version__ = "0.1.0"

# OpenMP's threads spin while they wait for one another, which beside any other busy process slows training down several
# times; threads that sleep do not (benchmarks/contention.py). It is read when torch and faiss are loaded, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
