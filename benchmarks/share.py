"""What of an interval is not training, at many tiles and a realistic encoder.

    python benchmarks/share.py [--tiles 100000] [--clusters 1000] [--px 64] [--encoder resnet18] [--set KEY=VALUE ...]

The tiles of a folder, repeated, in a store of their own; one interval of deepcluster-v2 by the run's own worker code,
after the first clustering, which alone reads all tiles without training.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from relabel import fill
from tessera import config as configuration
from tessera.config import RunConfig
from tessera.demo.demo import data_folder
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.workspace.folder import Workspace


def main() -> None:
    options = _options()
    scratch = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    workspace = Workspace.create(scratch / "workspace")
    jpegs = [path.read_bytes() for path in sorted(options.tiles_from.rglob("*.jpg"))]
    fill(workspace, options.tiles, jpegs, 224)
    settings: dict[str, Any] = {
        "clustering.clusters": options.clusters,
        "tile_px": options.px,
        "encoder": options.encoder,
        "epochs": 1000,
        "device": "cpu",
        **configuration.parse_overrides(options.settings),
    }
    run = control.create(workspace, configuration.from_mapping(RunConfig, settings), "share")
    with Trainer(workspace, run, Reporter(workspace, run)) as trainer:
        began = time.perf_counter()
        trainer._cluster(0)
        first = time.perf_counter()
        trainer._train()
        trained = time.perf_counter()
        trainer._cluster(1)
        ended = time.perf_counter()
    shutil.rmtree(scratch)
    whole = ended - first
    print(f"\n{options.tiles:,} tiles, {options.encoder} at {options.px} px, K = {options.clusters:,}\n")
    print("| part of an interval | s | share |\n| --- | --- | --- |")
    for part, seconds in (("training", trained - first), ("all else", ended - trained)):
        print(f"| {part} | {seconds:,.1f} | {seconds / whole:.1%} |")
    print(f"\nThe first clustering, with its pass over all tiles, took {first - began:,.1f} s.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=100_000)
    parser.add_argument("--tiles-from", type=Path, default=data_folder() / "tiles" / "colon5")
    parser.add_argument("--clusters", type=int, default=1_000)
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
