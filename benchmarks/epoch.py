"""One whole interval (features, clustering, training) of both methods against the original's flow, interleaved.

    python benchmarks/epoch.py [--tiles FOLDER] [--px 64] [--clusters 100] [--batch 128] [--rounds 3] [--encoder
    resnet18]

The same tiles, encoder, K and batch for all. The first interval of each is not counted: it warms up what can be warm.
Where the CPU multiplies bfloat16, ours has two rows: what `precision=auto` does there, and float32, which the original
knows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from original import Original
from tessera.config import IngestConfig, RunConfig
from tessera.demo.demo import data_folder
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.features.device import cpu_multiplies_bfloat16
from tessera.learn.nets.encoders import build_encoder
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.workspace.folder import Workspace

SHOWN = ("features", "cluster", "train", "rest")


class Stepper(Trainer):
    """A trainer that goes one interval at a time and says where the time went."""

    def interval_seconds(self) -> dict[str, float]:
        """Train on the clusters at hand, then cluster again: seconds by phase."""
        before = {metric.time for metric in control.metrics(self.reporter.workspace, self.run_row.name)}
        self._train()
        self._cluster(self.interval + 1)
        new = [m for m in control.metrics(self.reporter.workspace, self.run_row.name) if m.time not in before]
        seconds = {m.name.removeprefix("seconds_"): m.value for m in new if m.name.startswith("seconds_")}
        return {
            "features": seconds["extract"],
            "cluster": seconds["cluster"],
            "train": seconds["train"] + seconds["load"],
            "rest": seconds["measure"],
        }


def ours(workspace: Workspace, options: argparse.Namespace, method: str, precision: str) -> Stepper:
    config = RunConfig.of(
        {"clustering.clusters": options.clusters},
        method=method,
        encoder=options.encoder,
        tile_px=options.px,
        batch_size=options.batch,
        epochs=1000,
        device="cpu",
        precision=precision,
    )
    run = control.create(workspace, config, f"{method}-{precision}")
    trainer = Stepper(workspace, run, Reporter(workspace, run))
    trainer._cluster(0)
    return trainer


def theirs(folder: Path, options: argparse.Namespace) -> Original:
    encoder = build_encoder(options.encoder, weights="random", seed=0)
    return Original(
        folder,
        encoder.backbone,
        encoder.dim,
        px=options.px,
        clusters=options.clusters,
        batch=options.batch,
        workers=len(os.sched_getaffinity(0)),
    )


def original_seconds(original: Original) -> dict[str, float]:
    found = original.epoch()
    return {
        "features": found["features"],
        "cluster": found["whiten"] + found["cluster"],
        "train": found["train"],
        "rest": found["relabel"],
    }


def main() -> None:
    options = _options()
    scratch = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    workspace = Workspace.create(scratch / "workspace")
    ingest_tiles(workspace, options.tiles, IngestConfig())
    original = theirs(options.tiles, options)
    precisions = ("bfloat16", "float32") if cpu_multiplies_bfloat16() else ("float32",)
    trainers = {
        f"{method}, {precision}": ours(workspace, options, method, precision)
        for method in ("deepcluster", "deepcluster-v2")
        for precision in precisions
    }
    found: dict[str, list[dict[str, float]]] = {"original's flow": [], **{name: [] for name in trainers}}
    for round_ in range(options.rounds + 1):  # interleaved, so that a busy minute hits all
        steps = {"original's flow": original_seconds(original)}
        steps |= {name: trainer.interval_seconds() for name, trainer in trainers.items()}
        if round_:
            for name, seconds in steps.items():
                found[name].append(seconds)
    _print(found, options, workspace.n_tiles())
    for trainer in trainers.values():
        trainer.loader.close()
    shutil.rmtree(scratch)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=Path, default=data_folder() / "tiles" / "colon5")
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default="resnet18")
    return parser.parse_args()


def _print(found: dict[str, list[dict[str, float]]], options: argparse.Namespace, n_tiles: int) -> None:
    totals = {name: [sum(seconds.values()) for seconds in rounds] for name, rounds in found.items()}
    base = np.array(totals["original's flow"])
    print(
        f"\n{options.tiles.name}, {n_tiles:,} tiles, {options.encoder} at {options.px} px, K = {options.clusters}, "
        "batch "
        f"{options.batch}, {torch.get_num_threads()} threads, medians of {options.rounds}\n"
    )
    print(f"| one interval | {' | '.join(f'{phase}, s' for phase in SHOWN)} | whole, s | faster |")
    print("| --- |" + " --- |" * (len(SHOWN) + 2))
    for name, rounds in found.items():
        phases = " | ".join(f"{np.median([seconds[phase] for seconds in rounds]):.2f}" for phase in SHOWN)
        print(f"| {name} | {phases} | {np.median(totals[name]):.2f} | {np.median(base / totals[name]):.2f}x |")


if __name__ == "__main__":
    main()
