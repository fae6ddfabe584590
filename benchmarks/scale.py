"""One interval's bookkeeping on synthetic vectors: seconds and peak memory of every part, by number of tiles.

    python benchmarks/scale.py [--tiles 1000000 ...] [--clusters 3000 ...] [--iterations 20] [--drawn]

Each size runs in a process of its own. Memory is what the process itself holds (RssAnon); the bank is a mapped file,
whose pages the system may drop at any time. k-means cold has its 20 Lloyd steps (--iterations), k-means warm its 5;
both are trained on 256 tiles a cluster and assign all tiles in chunks. With --drawn there is no bank and no k-means:
labels are drawn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tessera.config import RunConfig
from tessera.learn.cluster import kmeans
from tessera.learn.cluster.identity import persistent_ids
from tessera.learn.evaluate import metrics
from tessera.tiles.sampler import draw
from tessera.workspace.run_folder import Clusters, RunFolder

DIM, CHUNK, BATCH, SPREAD = 128, 65_536, 256, 0.6

Bank = npt.NDArray[np.float16]
Labels = npt.NDArray[np.int32]


class Memory:
    """The most anonymous memory that this process held, sampled by a thread."""

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)
            if self._over.wait(0.02):
                return

    def end(self) -> float:
        """Peak in GB."""
        self._over.set()
        self._thread.join()
        return self.peak / 1e9


def timed(found: dict[str, tuple[float, float]], name: str, part: Callable[[], Any]) -> Any:
    """Run a part; note its seconds and the peak of memory in GB."""
    memory, began = Memory(), time.perf_counter()
    result = part()
    found[name] = (time.perf_counter() - began, memory.end())
    print(f"{name}: {found[name][0]:.1f} s, {found[name][1]:.2f} GB", file=sys.stderr, flush=True)
    return result


def write_bank(folder: RunFolder, n_tiles: int, clusters: int) -> Bank:
    """Unit vectors around drawn centres."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((clusters, DIM), dtype=np.float32)
    bank = folder.open_bank((n_tiles, DIM))
    for start in range(0, n_tiles, CHUNK):
        own = rng.integers(0, clusters, min(CHUNK, n_tiles - start))
        points = centres[own] + SPREAD * rng.standard_normal((len(own), DIM), dtype=np.float32)
        bank[start : start + len(own)] = points / np.linalg.norm(points, axis=1, keepdims=True)
    bank.flush()
    return bank


def write_rows(bank: Bank, ids: npt.NDArray[np.int64]) -> None:
    """What training does to the bank: rows in random order, a batch at a time."""
    fresh = np.full((BATCH, DIM), DIM**-0.5, np.float16)
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        bank[part] = fresh[: len(part)]


def figures(labels: npt.NDArray[np.int32], previous: npt.NDArray[np.int32]) -> None:
    """As `tessera.learn.evaluate.record` finds them, without the ledger."""
    metrics.size_figures(np.bincount(labels))
    metrics.nmi(labels, previous)
    metrics.ami(labels, previous, np.random.default_rng(0))
    (labels != previous).mean()


def one_size(n_tiles: int, clusters: int, iterations: int) -> dict[str, tuple[float, float]]:
    """All parts, one after the other."""
    config = RunConfig.of(
        {"clustering.clusters": clusters, "clustering.kmeans_iterations": iterations}, method="deepcluster-v2"
    )
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as scratch:
        folder = RunFolder(Path(scratch))
        bank = timed(found, "fill the bank", lambda: write_bank(folder, n_tiles, clusters))
        first = timed(found, "k-means, cold", lambda: kmeans.cluster(bank, config, np.random.default_rng(1)))
        before = drifted(first.labels, clusters)
        now = timed(found, "k-means, warm", lambda: kmeans.cluster(bank, config, np.random.default_rng(4), before))
        drawn = bookkeeping(found, folder, now.labels, before, now.centroids)
        timed(found, "write rows to the bank", lambda: write_rows(bank, drawn))
    return found


def one_size_drawn(n_tiles: int, clusters: int) -> dict[str, tuple[float, float]]:
    """The parts that need labels alone."""
    found: dict[str, tuple[float, float]] = {}
    labels = np.random.default_rng(6).integers(0, clusters, n_tiles).astype(np.int32)
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as scratch:
        centroids = np.zeros((clusters, DIM), np.float32)
        bookkeeping(found, RunFolder(Path(scratch)), labels, drifted(labels, clusters), centroids)
    return found


def drifted(labels: Labels, clusters: int) -> Labels:
    """Labels of which a tenth has gone elsewhere."""
    drift = np.random.default_rng(2).random(len(labels)) < 0.1
    return np.where(drift, np.random.default_rng(3).integers(0, clusters, len(labels)), labels).astype(np.int32)


def bookkeeping(
    found: dict[str, tuple[float, float]],
    folder: RunFolder,
    rows: Labels,
    before: Labels,
    centroids: npt.NDArray[np.float32],
) -> npt.NDArray[np.int64]:
    """What follows a clustering; the tiles drawn for the next pass."""
    clusters = len(centroids)
    ids = timed(found, "match ids", lambda: persistent_ids(rows, clusters, before))
    labels, sizes = ids[rows], np.bincount(rows, minlength=clusters)
    timed(found, "save", lambda: folder.save_interval(1, labels, Clusters(ids, sizes, centroids)))
    timed(found, "figures", lambda: figures(labels, before))
    rng = np.random.default_rng(5)
    drawn: npt.NDArray[np.int64] = timed(found, "draw", lambda: draw(rows, len(rows), balance="sqrt", cap=10, rng=rng))
    return drawn


def main() -> None:
    options = _options()
    if options.one:
        n_tiles, clusters = options.tiles[0], options.clusters[0]
        found = one_size_drawn(n_tiles, clusters) if options.drawn else one_size(n_tiles, clusters, options.iterations)
        print(json.dumps(found))
        return
    for clusters in options.clusters:
        columns: list[dict[str, tuple[float, float]]] = []
        for n_tiles in options.tiles:
            words = [
                sys.executable,
                "-W",
                "ignore",
                __file__,
                "--one",
                "--tiles",
                str(n_tiles),
                "--clusters",
                str(clusters),
            ]
            words += ["--iterations", str(options.iterations), *(["--drawn"] if options.drawn else [])]
            said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
            columns.append(json.loads(said.splitlines()[-1]))
        print(f"\nK = {clusters:,}, D = {DIM}, seconds (peak GB)\n")
        print(f"| part | {' | '.join(f'{n:,} tiles' for n in options.tiles)} |")
        print("| --- |" + " --- |" * len(columns))
        for part in columns[0]:
            print(f"| {part} | {' | '.join(f'{c[part][0]:,.1f} ({c[part][1]:.2f})' for c in columns)} |")
        peak = " | ".join(f"{max(gb for _, gb in column.values()):.2f} GB" for column in columns)
        print(f"| most memory | {peak} |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--clusters", type=int, nargs="+", default=[3_000])
    parser.add_argument("--iterations", type=int, default=20, help="Lloyd steps of the cold k-means")
    parser.add_argument("--drawn", action="store_true", help="labels are drawn, not found")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
