"""SimCLR (Chen et al. 2020) on a folder of tile pictures, from the bundled ImageNet weights.

    python examples/simclr.py TILES [--epochs 3]

TILES is a folder of pictures, one folder a class if labels are known. Settings are for a CPU and a few thousand tiles,
not those of the paper: `tessera run --set method=simclr` takes any.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tessera.config import IngestConfig, RunConfig
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.workspace.folder import Workspace


def settings(epochs: int, tile_px: int) -> RunConfig:
    """Small enough for a CPU; clusterings after every pass only watch."""
    return RunConfig.of(
        {"clustering.clusters": 20, "optimiser.learning_rate": 0.05},
        method="simclr",
        epochs=epochs,
        tile_px=tile_px,
        batch_size=128,
    )


def main() -> None:
    """Train, then say how the clusters of each pass agree with those of the pass before, and with labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tiles", type=Path, help="folder of tile pictures")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--tile-px", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "workspace")
        ingest_tiles(workspace, options.tiles, IngestConfig(tile_px=options.tile_px))
        run = control.create(workspace, settings(options.epochs, options.tile_px), "simclr")
        with Trainer(workspace, run, Reporter(workspace, run)) as trainer:
            trainer.run()
        for metric in control.metrics(workspace, "simclr"):
            if metric.name in ("loss", "nmi", "ami_labels"):
                print(f"interval {metric.interval}, step {metric.step}: {metric.name} {metric.value:.3f}")


if __name__ == "__main__":
    main()
