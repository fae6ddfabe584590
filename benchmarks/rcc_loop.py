"""Clusterers inside the DeepCluster loop: same tiles, encoder, views, seed and K.

What is learnt, how steady it is, K over time.

    python benchmarks/rcc_loop.py [--tiles FOLDER] [--px 64] [--clusters 20] [--epochs 6] [--ways kmeans rcc ...]
    [--seeds 0]

AMI to labels is of clusters (labels are used for nothing else). NMI(t, t-1) is the mean over the intervals after the
second. Features are judged apart from their own clusters by k-NN accuracy and by the AMI of one and the same k-means.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from tessera.config import IngestConfig, RunConfig
from tessera.demo.demo import data_folder
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

WAYS: dict[str, dict[str, Any]] = {
    "kmeans": {"clustering.clusterer": "kmeans"},
    "kmeans-pca": {"clustering.clusterer": "kmeans", "features.normalisation": "pca"},
    "rcc": {"clustering.clusterer": "rcc", "clustering.count": "target"},
    "rcc-whitened": {
        "clustering.clusterer": "rcc",
        "clustering.count": "target",
        "features.normalisation": "pca-whiten",
    },
    "rcc-free-whitened": {
        "clustering.clusterer": "rcc",
        "clustering.count": "free",
        "features.normalisation": "pca-whiten",
    },
    "rcc-free": {"clustering.clusterer": "rcc", "clustering.count": "free"},
    "rcc-free-loose": {"clustering.clusterer": "rcc", "clustering.count": "free", "clustering.clusterer.hold": False},
    "rcc-loose": {"clustering.clusterer": "rcc", "clustering.count": "target", "clustering.clusterer.hold": False},
    "pic": {"clustering.clusterer": "pic", "clustering.count": "target"},
    "leiden": {"clustering.clusterer": "leiden", "clustering.count": "target"},
    "leiden-free": {"clustering.clusterer": "leiden", "clustering.count": "free"},
}


def train(workspace: Workspace, options: argparse.Namespace, way: str, seed: int) -> list[object]:
    """One run; its row of the table."""
    config = RunConfig.of(
        {"clustering.clusters": options.clusters, **WAYS[way]},
        method=options.method,
        encoder=options.encoder,
        tile_px=options.px,
        seed=seed,
        batch_size=options.batch,
        epochs=options.epochs,
        device=options.device,
    )
    name = f"{way}-{seed}"
    reporter = Reporter(workspace, control.create(workspace, config, name))
    with Trainer(workspace, control.get(workspace, name), reporter) as trainer:
        trainer.run()
    reporter.state("finished")
    found: dict[str, list[float]] = {}
    for metric in sorted(control.metrics(workspace, name), key=lambda metric: metric.interval):
        found.setdefault(metric.name, []).append(metric.value)
    knn, means = judge(workspace, name, options.clusters)
    return [
        way,
        seed,
        found["ami_labels"][-1],
        max(found["ami_labels"]),
        means,
        knn,
        float(np.mean(found["nmi"][1:])),
        found["largest_share"][-1],
        " ".join(f"{k:.0f}" for k in found["clusters"]),
        float(np.mean(found["seconds_cluster"])),
    ]


def judge(workspace: Workspace, name: str, k: int) -> tuple[float, float]:
    """k-NN accuracy by group-wise folds, and the AMI of k-means at K, of the last features."""
    index = TileStore(workspace.tiles_path).index()
    bank = np.asarray(workspace.run_folder(name).open_bank(), np.float32)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    model = KNeighborsClassifier(20, metric="cosine")
    accuracy = cross_val_score(model, bank, index.label, groups=index.slide, cv=folds).mean()
    means = [KMeans(k, n_init=3, random_state=seed).fit_predict(bank) for seed in range(3)]
    return float(accuracy), float(np.mean([adjusted_mutual_info_score(index.label, labels) for labels in means]))


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=Path, default=data_folder() / "tiles" / "colon5")
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--clusters", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--method", default=RunConfig().method.name)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=["kmeans", "rcc", "rcc-free", "rcc-free-loose"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    workspace = Workspace.create(scratch / "workspace")
    ingest_tiles(workspace, options.tiles, IngestConfig())
    print(
        f"{options.tiles.name}, {workspace.n_tiles():,} tiles, {options.method}, {options.encoder} at {options.px} px\n"
    )
    heads = [
        "way",
        "seed",
        "AMI last",
        "AMI best",
        "k-means AMI",
        "k-NN",
        "NMI(t, t-1)",
        "largest",
        "K by interval",
        "s",
    ]
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads), flush=True)
    for seed in options.seeds:
        for way in options.ways:
            cells = train(workspace, options, way, seed)
            words = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells]
            print("| " + " | ".join(words) + " |", flush=True)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
