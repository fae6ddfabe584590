"""M3S against k-NN propagation and label spreading, at 1, 5 and 10 labelled tiles a class.

    python benchmarks/propagate.py [--sets lc25000 colon5] [--features colour run] [--draws 5] [--work DIR]

`colour` are 28 statistics of colour and edges; `run` are the features of a DeepCluster run (resnet18 from random
weights) that the benchmark trains itself in --work, without labels. Accuracy is the mean over classes, counted on tiles
of other groups (original fields) than the labelled ones: tiles of one field are near-copies of each other. `sure` is
the share of tiles that would be offered for acceptance (confidence 0.9, cluster agrees), and how many of them are
right.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import cv2
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from tessera.config import IngestConfig, PropagateConfig, RunConfig
from tessera.demo.demo import data_folder
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.evaluate.baselines import colour_statistics
from tessera.learn.propagate.label_propagation import propagate
from tessera.runs import control
from tessera.workspace.folder import Workspace

SIZES = (1, 5, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["lc25000", "colon5"])
    parser.add_argument("--features", nargs="+", default=["colour", "run"], choices=["colour", "run"])
    parser.add_argument("--draws", type=int, default=5, help="random choices of labelled tiles")
    parser.add_argument("--epochs", type=int, default=5, help="of the DeepCluster run")
    parser.add_argument("--tile-px", type=int, default=64, help="of the DeepCluster run")
    parser.add_argument("--work", type=Path, default=Path("build/propagate"), help="where runs are kept")
    options = parser.parse_args()
    print("| set | features | labels a class | method | accuracy | sd | seconds | sure | right of them |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.sets:
        files, truth, groups = read_set(data_folder() / "tiles" / name)
        for kind in options.features:
            points = colour(files) if kind == "colour" else learned(options, name, files)
            for size in SIZES:
                compare(f"| {name} | {kind} | {size} |", points, truth, groups, size, options.draws)


def compare(head: str, points: np.ndarray, truth: np.ndarray, groups: np.ndarray, size: int, draws: int) -> None:
    """One row a method."""
    for method, function in METHODS.items():
        accuracy, seconds, sure, right = [], [], [], []
        for draw in range(draws):
            seeds = labelled(truth, groups, size, np.random.default_rng(draw))
            scored = ~np.isin(groups, groups[seeds])
            began = time.perf_counter()
            found, confident = function(points, seeds, truth[seeds], draw)
            seconds.append(time.perf_counter() - began)
            hit = found == truth
            accuracy.append(np.mean([hit[scored & (truth == code)].mean() for code in np.unique(truth)]))
            if confident is not None:
                sure.append(confident[scored].mean())
                right.append(hit[scored & confident].mean() if (scored & confident).any() else np.nan)
        offered = f"{np.mean(sure):.2f} | {np.nanmean(right):.3f}" if sure else " | "
        print(
            (
                f"{head} {method} | {np.mean(accuracy):.3f} | {np.std(accuracy):.3f} | {np.mean(seconds):.1f} | "
                f"{offered} "
                "|"
            ),
            flush=True,
        )


def labelled(truth: np.ndarray, groups: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """`size` tiles of each class, each of another group where there are enough."""
    chosen = []
    for code in np.unique(truth):
        own = rng.permutation(np.flatnonzero(truth == code))
        _, first = np.unique(groups[own], return_index=True)
        order = np.concatenate([np.sort(first), np.setdiff1d(np.arange(len(own)), first)])
        chosen.append(own[order[:size]])
    return np.concatenate(chosen)


def knn(points: np.ndarray, seeds: np.ndarray, classes: np.ndarray, _: int) -> tuple[np.ndarray, None]:
    model = KNeighborsClassifier(min(5, int(np.bincount(classes).min())), weights="distance", metric="cosine")
    return model.fit(points[seeds], classes).predict(points), None


def spreading(points: np.ndarray, seeds: np.ndarray, classes: np.ndarray, _: int) -> tuple[np.ndarray, None]:
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    known = np.full(len(points), -1)
    known[seeds] = classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts of the graph without a label divide by zero
        model = LabelSpreading(kernel="knn", n_neighbors=15, alpha=0.9, max_iter=200)
        return model.fit(unit, known).transduction_, None


def plain_gcn(points: np.ndarray, seeds: np.ndarray, classes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return m3s(points, seeds, classes, seed, stages=0)


def m3s(
    points: np.ndarray, seeds: np.ndarray, classes: np.ndarray, seed: int, stages: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    found = propagate(points, seeds, classes, PropagateConfig(seed=seed, stages=stages))
    return found.classes, (found.confidence >= 0.9) & found.agrees


METHODS = {"k-NN": knn, "label spreading": spreading, "GCN, no stages": plain_gcn, "M3S": m3s}


def read_set(folder: Path) -> tuple[list[Path], np.ndarray, np.ndarray]:
    with (folder / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    _, truth = np.unique([row["label"] for row in rows], return_inverse=True)
    _, groups = np.unique([row["group"] for row in rows], return_inverse=True)
    return [folder / row["file"] for row in rows], truth, groups


def colour(files: list[Path]) -> np.ndarray:
    tiles = (cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files)
    return StandardScaler().fit_transform(np.stack([colour_statistics(tile) for tile in tiles])).astype(np.float32)


def learned(options: argparse.Namespace, name: str, files: list[Path]) -> np.ndarray:
    """Features of a DeepCluster run on the set, in the order of its files."""
    workspace = Workspace.create(options.work / f"{name}-{options.tile_px}-{options.epochs}")
    if workspace.n_tiles() == 0:
        ingest_tiles(workspace, data_folder() / "tiles" / name, IngestConfig())
    if not control.list_runs(workspace):
        control.create(
            workspace,
            RunConfig.of(
                {"clustering.clusters": 50, "features.pca_dim": 64}, epochs=options.epochs, tile_px=options.tile_px
            ),
            "r",
        )
        control.launch(workspace, "r")
    while control.get(workspace, "r").state not in ("finished", "failed", "stopped"):
        time.sleep(1)
    run = control.get(workspace, "r")
    if run.state == "failed" or run.interval < 0:
        raise SystemExit(f"the run {run.state}: {run.message}")
    print(f"<!-- features of {name}: {run.state} after {run.interval} of {run.config.epochs} epochs -->")
    from tessera.tiles.store import TileStore

    order = {
        tile: row
        for row, tile in enumerate(
            TileStore(workspace.tiles_path).rows(np.arange(run.n_tiles), ["name"])["name"].to_pylist()
        )
    }
    folder = data_folder() / "tiles" / name
    rows = np.array([order[str(file.relative_to(folder))] for file in files])
    return workspace.run_folder("r").features(rows)[:]


if __name__ == "__main__":
    main()
