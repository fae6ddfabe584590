"""What classes and features are worth on labelled tiles: looks, trained methods, and every baseline.

    python benchmarks/quality.py [--sets colon5 lc25000] [--seeds 2] [--clusters 5 20]
        [--methods deepcluster-v2 simclr ...] [--views 14400] [--set KEY=VALUE ...]

Labels only score. Carry-over: clusters named by the labels of all other groups, scored on the group left out. AMI
stands beside its ceiling at that number of clusters. k-NN and linear probes have folds by group. Every run is one
of the product's own, made and scored by its own code; `--set` changes settings of trained methods and looks alike.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from tessera.config import IngestConfig, RunConfig, parse_overrides
from tessera.demo.demo import data_folder
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.evaluate.baselines import feature_sets
from tessera.learn.evaluate.labels import score_clusters, score_features
from tessera.learn.look import create_look
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

LOOKS = ("leiden", "rcc", "kmeans")
PROBED = 20  # K of the k-means that is run on each set of features

Scores = dict[tuple[str, str], list[float]]  # (row, column) to one value a seed


class Bench:
    """One labelled set of tiles and what was measured on it.

    Args:
        folder: tile pictures with labels.csv or class folders.
        options: of the command line.
    """

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.options = options
        self.changes: dict[str, Any] = parse_overrides(options.settings)
        self.workspace = Workspace.create(Path(tempfile.mkdtemp(prefix="tessera-quality-")) / "workspace")
        ingest_tiles(self.workspace, folder, IngestConfig())
        self.store = TileStore(self.workspace.tiles_path)
        index = self.store.index()
        self.labels, self.groups = index.label.astype(np.int32), index.slide
        self.clusters: Scores = defaultdict(list)
        self.features: Scores = defaultdict(list)

    def seed(self, seed: int) -> None:
        """Every look and every method with one seed."""
        for clusterer in LOOKS:
            for k in self.options.clusters:
                changes = {**self.changes, "seed": seed}
                run = create_look(
                    self.workspace, f"look-{clusterer}-{k}-{seed}", clusters=k, clusterer=clusterer, changes=changes
                )
                self._run(run, f"look, {clusterer}", k)
        self._probe(run, "look", baselines=True)
        bank = np.asarray(self.workspace.run_folder(run.name).open_bank(), np.float32)
        self._note(self.features, "look, all its views", score_features(bank, self.labels, self.groups, PROBED))
        for method in self.options.methods:
            self._trained(method, seed)

    def _trained(self, method: str, seed: int) -> None:
        k = max(self.options.clusters)
        epochs = max(1, round(self.options.views / len(self.labels)))
        settings = {**self.changes, "clustering.clusters": k, "method": method}
        run = control.create(self.workspace, RunConfig.of(settings, seed=seed, epochs=epochs), f"{method}-{seed}")
        self._run(run, method, k)
        self._probe(run, method, baselines=False)

    def _run(self, run: control.Run, row: str, k: int) -> None:
        began = time.monotonic()
        with Trainer(self.workspace, run, Reporter(self.workspace, run)) as trainer:
            trainer.run()
            found = trainer.folder.assignment(run.config.epochs)
        scores = score_clusters(found, self.labels, self.groups)
        scores |= {"seconds": time.monotonic() - began, "K": float(len(np.unique(found[found >= 0])))}
        self._note(self.clusters, f"{row}, K = {k}", scores)

    def _probe(self, run: control.Run, row: str, *, baselines: bool) -> None:
        ids = np.arange(len(self.labels), dtype=np.int64)
        for what, found in feature_sets(self.workspace, control.get(self.workspace, run.name), self.store, ids).items():
            own = what.startswith("run")
            if own or baselines:
                scores = score_features(found, self.labels, self.groups, PROBED)
                self._note(self.features, what.replace("run", row, 1) if own else what, scores)

    @staticmethod
    def _note(into: Scores, row: str, scores: dict[str, Any]) -> None:
        for column, value in scores.items():
            if value is not None:
                into[row, column].append(float(value))


def table(scores: Scores, first: str, columns: dict[str, str]) -> None:
    """Rows in the order in which they were measured; mean, and lowest to highest where seeds differ."""
    print(f"| {first} | {' | '.join(columns.values())} |\n| --- |{' --- |' * len(columns)}")
    for row in dict.fromkeys(row for row, _ in scores):
        print(f"| {row} | {' | '.join(_cell(scores.get((row, column), [])) for column in columns)} |")
    print(flush=True)


def _cell(values: list[float]) -> str:
    if not values:
        return "-"
    if max(values) >= 1.5:  # seconds and counts
        return f"{np.mean(values):.0f}"
    spread = f" ({min(values):.3f}-{max(values):.3f})" if max(values) - min(values) > 5e-4 else ""
    return f"{np.mean(values):.3f}{spread}"


def main() -> None:
    options = _options()
    for name in options.sets:
        bench = Bench(data_folder() / "tiles" / name, options)
        for seed in range(options.seeds):
            bench.seed(seed)
        print(
            f"\n{name}: {len(bench.labels):,} tiles, {options.seeds} seed(s),",
            f"{' '.join(options.settings) or 'defaults'}\n",
        )
        table(
            bench.clusters,
            "clusters",
            {
                "carry_over": "carry-over",
                "unnamed": "unnamed",
                "ami": "AMI",
                "ami_ceiling": "its ceiling",
                "ami_groups": "AMI with groups",
                "ari": "ARI",
                "many_to_one": "many-to-one",
                "K": "K found",
                "seconds": "seconds",
            },
        )
        table(
            bench.features,
            "features",
            {
                "knn": "k-NN",
                "linear": "linear",
                "kmeans_carry_over": "carry-over of k-means, K = 20",
                "kmeans_ami": "AMI of k-means",
            },
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["colon5", "lc25000"], help="folders of tiles in the shared data")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--clusters", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--methods", nargs="*", default=[], help="trained beside the looks")
    parser.add_argument("--views", type=int, default=14_400, help="tiles that a trained method sees in all")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
