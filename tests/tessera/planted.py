"""A workspace whose clustering is known because the tests wrote it, through the same doors as the training loop."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tessera.config import IngestConfig, RunConfig
from tessera.demo.synthetic import draw_slide
from tessera.ingest.pipeline import ingest
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

INGEST = IngestConfig(mpp=0.7, tile_px=96, overlap=16, threads=1)  # a grid whose step is not a whole number of pixels
RUN = "planted"
N_CLUSTERS = 6
BANK_DIM = 8

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Planted:
    """A finished run of three clusterings.

    Attributes:
        workspace: where.
        labels: int32 (3, N), what was written as assignments.
        distances: float16 (N,), what was written as distances, the same for each clustering.
    """

    workspace: Workspace
    labels: Labels
    distances: npt.NDArray[np.float16]

    @property
    def n(self) -> int:
        """Number of tiles."""
        return self.labels.shape[1]


def draw_sources(folder: Path) -> list[Path]:
    """Three slides, one of them small."""
    sizes = ((1344, 1152), (1344, 1152), (704, 640))
    return [
        draw_slide(folder / f"slide-{seed}.svs", seed=seed, width=width, height=height).path
        for seed, (width, height) in enumerate(sizes)
    ]


def plant(root: Path, sources: list[Path]) -> Planted:
    """Ingest slides and write three clusterings with ids 0, 3, 6, ...; some tiles have none."""
    workspace = Workspace.create(root)
    ingest(workspace, sources, INGEST)
    n, rng = workspace.n_tiles(), np.random.default_rng(0)
    centres = rng.normal(size=(N_CLUSTERS, BANK_DIM)) * 3
    kinds = np.minimum(rng.geometric(0.4, n) - 1, N_CLUSTERS - 1)  # clusters of unlike sizes
    labels = np.tile((kinds * 3).astype(np.int32), (3, 1))
    labels[0] = rng.permutation(labels[0])
    labels[1] = np.where(rng.random(n) < 0.3, labels[0], labels[2])
    labels[2, rng.choice(n, 3, replace=False)] = -1
    distances = rng.uniform(0.1, 2, n).astype(np.float16)
    control.create(workspace, RunConfig.of({"clustering.clusters": N_CLUSTERS}, epochs=2), RUN)
    folder = workspace.run_folder(RUN)
    for interval, row in enumerate(labels):
        ids, sizes = np.unique(row[row >= 0], return_counts=True)
        folder.save_distances(interval, np.where(row >= 0, distances, np.nan))
        folder.save_interval(interval, row, Clusters(ids, sizes, np.zeros((len(ids), BANK_DIM), np.float32)))
    bank = folder.open_bank((n, BANK_DIM))
    bank[:] = centres[kinds] + rng.normal(size=(n, BANK_DIM))
    bank.flush()
    set_interval(workspace, 2, "finished")
    return Planted(workspace, labels, distances)


def set_interval(workspace: Workspace, interval: int, state: str) -> None:
    """What the worker tells the ledger when a clustering is complete."""
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET interval = ?, state = ? WHERE name = ?", (interval, state, RUN))


def copy_of(planted: Planted, root: Path) -> Planted:
    """The same in another folder, to be written to."""
    shutil.copytree(planted.workspace.root, root)
    return Planted(Workspace.open(root), planted.labels, planted.distances)


def jpegs(planted: Planted) -> list[bytes]:
    """The bytes of all tiles."""
    return TileStore(planted.workspace.tiles_path).batch(np.arange(planted.n))
