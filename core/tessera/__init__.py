"""Tessera: tissue classes found in unlabelled whole-slide archives, understood and named by pathologists.

A library session, from slides to a table:

>>> import tessera
>>> workspace = tessera.open_workspace("my-project")
>>> tessera.ingest_slides(workspace, ["slides/"], max_tiles_per_slide=500)
>>> run = tessera.look(workspace)  # or train: tessera.run(workspace, {"clustering.clusters": 20}, epochs=5)
>>> tessera.clusters(run).groupby("cluster").size()
>>> features = tessera.features(run)

What is listed in `__all__` is the public interface: it changes only with a line in the changelog. Everything else may
change at any time. Names are loaded when they are first used, so that `import tessera` costs nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tessera.api import (
        cluster_table,
        clusters,
        export,
        features,
        ingest_slides,
        ingest_tiles,
        look,
        open_run,
        open_workspace,
        run,
    )
    from tessera.errors import TesseraError
    from tessera.learn.cluster.rcc.model import RCC
    from tessera.learn.tile_dataset import TileDataset
    from tessera.runs.rows import Run
    from tessera.workspace.folder import Workspace

__version__ = "0.2.0"
__all__ = [
    "RCC",
    "Run",
    "TesseraError",
    "TileDataset",
    "Workspace",
    "cluster_table",
    "clusters",
    "export",
    "features",
    "ingest_slides",
    "ingest_tiles",
    "look",
    "open_run",
    "open_workspace",
    "run",
]

# where each public name is; what is not here comes from tessera.api
_WHERE = {
    "RCC": "tessera.learn.cluster.rcc.model",
    "Run": "tessera.runs.rows",
    "TesseraError": "tessera.errors",
    "TileDataset": "tessera.learn.tile_dataset",
    "Workspace": "tessera.workspace.folder",
}

# OpenMP's threads spin while they wait for one another, which beside any other busy process slows training down several
# times; threads that sleep do not (benchmarks/contention.py). It is read when torch and faiss are loaded, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'tessera' has no attribute {name!r}")
    value = getattr(importlib.import_module(_WHERE.get(name, "tessera.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, for completion in a notebook."""
    return sorted([*__all__, "__version__"])
