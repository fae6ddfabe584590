"""Every clusterer on the features of one run, at small, large and free K, against its labels.

    python benchmarks/clusterers.py WORKSPACE RUN [--seeds 2]

Labels only score. Carry-over: clusters named by the labels of all other groups, scored on the group left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tessera.config import CLUSTERERS
from tessera.learn.cluster import api
from tessera.learn.evaluate.clusterers import with_clusterer
from tessera.learn.evaluate.labels import score_clusters
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

COUNTS = (5, 20, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("run")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    workspace = Workspace.open(options.workspace)
    run = control.get(workspace, options.run)
    index = TileStore(workspace.tiles_path, run.store_version).index()
    labels, groups = index.label[: run.n_tiles].astype(np.int32), index.slide[: run.n_tiles]
    bank = workspace.run_folder(run.name).open_bank()
    print("| clusterer | " + " | ".join(f"K = {k or 'free'}: carry-over / AMI (K)" for k in COUNTS) + " |")
    print("| --- |" + " --- |" * len(COUNTS))
    for name in CLUSTERERS:
        cells = []
        for k in COUNTS:
            if k is None and "kmeans" in name:
                cells.append("-")
                continue
            config = with_clusterer(run.config, name, k)
            found = [api.cluster(bank, config, np.random.default_rng(seed)).labels for seed in range(options.seeds)]
            scores = [score_clusters(own, labels, groups) for own in found]
            carry, ami = (np.mean([score[key] for score in scores]) for key in ("carry_over", "ami"))
            cells.append(f"{carry:.2f} / {ami:.2f} ({np.mean([own.max() + 1 for own in found]):.0f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
