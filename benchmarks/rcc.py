"""RCC in figures: agreement with labels, speed, growth, stability under drift, micro-centroids.

    python benchmarks/rcc.py --part quality|speed|growth|drift|micro|count|dials [--sizes 10000 30000 100000]
    [--plain-limit 5000]

AMI has the geometric mean. CPU seconds are those of the process, wall seconds those of the clock; ratios are of one
run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from rcc_data import SMALL, ami, mixture, small_set
from rcc_sketch import Dials, Sketch, dense_neighbours, faiss_neighbours
from sklearn.cluster import KMeans
from tessera.config import RunConfig
from tessera.learn.cluster import api
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.micro import micro_centroids
from tessera.learn.cluster.rcc.model import PRESETS, RCC
from tessera.learn.cluster.rcc.prepare import fit_space
from tessera.learn.cluster.sizes import fold

Labels = npt.NDArray[np.integer]
ROUNDS = 3


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Answer, CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = work()
    return answer, time.process_time() - cpu, time.perf_counter() - wall


def warm_up() -> None:
    """Compile the kernels before anything is timed."""
    RCC().fit(mixture(500, dim=16)[0])


def row(*cells: object) -> None:
    """One line of a table."""
    print(
        "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True
    )


def quality(options: argparse.Namespace) -> None:
    """Both presets on labelled sets, k-means at the true K beside them."""
    row(
        "data",
        "paper AMI",
        "clusters",
        "CPU s",
        "robust AMI",
        "clusters",
        "CPU s",
        "robust folded",
        "k-means AMI (true K)",
    )
    row(*["---"] * 9)
    for name in options.sets:
        points, truth = small_set(name)
        cells: list[object] = [name]
        for preset in PRESETS:
            found, cpu, _ = timed(lambda preset=preset, points=points: RCC(preset).fit(points))  # type: ignore[misc]
            cells += [ami(truth, found.labels_), found.n_clusters_, cpu]
        cells.append(ami(truth, fold(points, found.labels_, max(5, len(points) // 1000))[0]))
        k = len(np.unique(truth))
        means = [
            ami(truth, KMeans(k, n_init=10, random_state=seed).fit_predict(points - points.mean(axis=0)))
            for seed in range(ROUNDS)
        ]
        row(*cells, float(np.mean(means)))
    for n in options.sizes:
        points, truth = mixture(n)
        found, cpu, _ = timed(lambda points=points: RCC().fit(points))  # type: ignore[misc]
        means = [ami(truth, KMeans(50, n_init=1, random_state=seed).fit_predict(points)) for seed in range(ROUNDS)]
        folded = ami(truth, fold(points, found.labels_, max(5, n // 1000))[0])
        cells = [f"mixture {n:,} x 256", "-", "-", "-", ami(truth, found.labels_), found.n_clusters_, cpu, folded]
        row(*cells, float(np.mean(means)))


def speed(options: argparse.Namespace) -> None:
    """Ours, the sketch on the same prepared points, the sketch on raw points, and the plain way."""
    row("data", "way", "AMI", "CPU s", "wall s", "CPU: times ours", "wall: times ours")
    row(*["---"] * 7)
    sets = [(name, *small_set(name)) for name in options.sets]
    sets += [(f"mixture {n:,} x 256", *mixture(n)) for n in options.sizes]
    for name, points, truth in sets:
        ways = _ways(np.asarray(points, np.float32), plain=len(points) <= options.plain_limit)
        _, cpu0, wall0 = 0, 0.0, 0.0
        for way, work in ways.items():
            if options.ways and way not in options.ways:
                continue
            labels, cpu, wall = timed(work)
            if way == "ours":
                cpu0, wall0 = cpu, wall
            row(name, way, ami(truth, labels), cpu, wall, cpu / cpu0, wall / wall0)


def _ways(points: npt.NDArray[np.float32], *, plain: bool) -> dict[str, Callable[[], Labels]]:
    robust = Dials(connect="first", lambda_scale=4, link=0.7)

    def prepared() -> Labels:
        space = fit_space(points, 64).apply(points)
        return Sketch(robust).fit(space, faiss_neighbours(space, 10)).labels

    raw = Dials(link=0.2) if points.shape[1] > 64 else Dials()  # 256-d noise needs the smaller link to find anything
    ways: dict[str, Callable[[], Labels]] = {
        "ours": lambda: RCC().fit_predict(points),
        "ours, paper preset": lambda: RCC("paper", link=raw.link).fit_predict(points),
        "sketch, our preparation": prepared,
        "sketch, raw points": lambda: Sketch(raw).fit(points, faiss_neighbours(points, 10)).labels,
    }
    if plain:
        ways["plain (dense k-NN, LU)"] = lambda: (
            Sketch(Dials(link=raw.link, most=99), solver="lu").fit(points, dense_neighbours(points, 10)).labels
        )
    return ways


def growth(options: argparse.Namespace) -> None:
    """Time and memory of ours by N, each in a process of its own."""
    row(
        "N",
        "AMI, clusters",
        "folded: AMI, clusters",
        "k-NN recall",
        "CPU s",
        "wall s",
        "wall / (N ln N) in us",
        "peak GB beyond the data",
    )
    row(*["---"] * 8)
    for n in options.sizes:
        words = [sys.executable, __file__, "--part", "one", "--sizes", str(n)]
        found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        per = 1e6 * found["wall"] / (n * np.log(n))
        crumbs = f"{found['ami']:.3f}, {found['k']:,}"
        folded = f"{found['ami_folded']:.3f}, {found['k_folded']:,}"
        row(f"{n:,}", crumbs, folded, found["recall"], found["cpu"], found["wall"], per, found["peak_gb"])


def one(options: argparse.Namespace) -> None:
    """One size, as JSON."""
    warm_up()
    points, truth = mixture(options.sizes[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model, cpu, wall = timed(lambda: RCC().fit(points))
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6
    folded, _ = fold(points, model.labels_, max(5, len(points) // 1000))
    print(
        json.dumps(
            {
                "ami": ami(truth, model.labels_),
                "ami_folded": ami(truth, folded),
                "k_folded": int(folded.max()) + 1,
                "k": model.n_clusters_,
                "recall": model.graph_recall_,
                "cpu": cpu,
                "wall": wall,
                "peak_gb": peak,
            }
        )
    )


def drift(options: argparse.Namespace) -> None:
    """RCC, folded, against k-means at RCC's K with a new seed, on features moved by shares of a neighbour distance."""
    row("data", "K", "moved by", "RCC AMI with itself", "k-means AMI with itself", "RCC AMI", "k-means AMI")
    row(*["---"] * 7)
    for name in options.sets:
        points, truth = small_set(name)
        rng = np.random.default_rng(0)
        step = float(np.median(nearest(np.asarray(points, np.float32), 1, metric="euclidean").distances))
        base = _folded(points)
        k = int(base.max()) + 1
        means = KMeans(k, n_init=1, random_state=0).fit_predict(points)
        for share in (0.1, 0.3, 1.0):
            own, other, right, other_right = [], [], [], []
            for seed in range(1, ROUNDS + 1):
                moved = points + rng.normal(scale=share * step / np.sqrt(points.shape[1]), size=points.shape)
                labels = _folded(moved.astype(np.float32))
                second = KMeans(k, n_init=1, random_state=seed).fit_predict(moved)
                own.append(ami(base, labels))
                other.append(ami(means, second))
                right.append(ami(truth, labels))
                other_right.append(ami(truth, second))
            row(name, k, share, *(float(np.mean(values)) for values in (own, other, right, other_right)))


def _folded(points: npt.NDArray[np.floating]) -> Labels:
    labels, _ = fold(points, RCC().fit_predict(points), max(5, len(points) // 500))
    return labels


def micro(options: argparse.Namespace) -> None:
    """RCC on micro-centroids against RCC on all points."""
    row("N", "micro-centroids", "AMI", "clusters", "k-means s", "RCC s")
    row(*["---"] * 6)
    for n in options.sizes:
        points, truth = mixture(n)
        for m in [m for m in (1_000, 3_000, 10_000, 30_000) if m <= n // 3]:
            (few, owner), _, cells = timed(
                lambda points=points, m=m: micro_centroids(points, m, np.random.default_rng(0))  # type: ignore[misc]
            )
            model, _, wall = timed(lambda few=few: RCC().fit(few))  # type: ignore[misc]
            row(f"{n:,}", f"{len(few):,}", ami(truth, model.labels_[owner]), model.n_clusters_, cells, wall)
        if n <= options.full_limit:
            model, _, wall = timed(lambda points=points: RCC().fit(points))  # type: ignore[misc]
            row(f"{n:,}", "none", ami(truth, model.labels_), model.n_clusters_, 0.0, wall)


def count(options: argparse.Namespace) -> None:
    """RCC brought to K by the protocol against k-means at the same K."""
    row("data", "K", "RCC AMI", "Leiden AMI", "k-means AMI")
    row(*["---"] * 5)
    sets = [(name, *small_set(name)) for name in options.sets] + [
        (f"mixture {n:,}", *mixture(n)) for n in options.sizes
    ]
    for name, points, truth in sets:
        classes = len(np.unique(truth[truth >= 0]))
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        for factor in (1, 2, 4, 10):
            cells: list[object] = [name, factor * classes]
            for clusterer in ("rcc", "leiden", "kmeans"):
                config = RunConfig.of({"clustering.clusterer": clusterer, "clustering.clusters": factor * classes})
                found = api.cluster(unit, config, np.random.default_rng(0))
                cells.append(ami(truth, found.labels))
            row(*cells)


def dials(options: argparse.Namespace) -> None:
    """The robust preset over its two factors: AMI, folded, and clusters in brackets."""
    links, scales = (0.2, 0.35, 0.7, 1.0), (1, 2, 4, 8, 16)
    row("data", "lambda x", *(f"link {link}" for link in links))
    row(*["---"] * (len(links) + 2))
    sets = [(name, *small_set(name)) for name in options.sets] + [
        (f"mixture {n:,}", *mixture(n)) for n in options.sizes
    ]
    for name, points, truth in sets:
        for scale in scales:
            model = RCC(lambda_scale=scale).fit(points)
            cells: list[object] = [name, scale]
            for link in links:
                labels, _ = fold(points, model.relink(link), max(5, len(points) // 1000))
                cells.append(f"{ami(truth, labels):.3f} ({labels.max() + 1})")
            row(*cells)


PARTS = {
    "dials": dials,
    "quality": quality,
    "speed": speed,
    "growth": growth,
    "drift": drift,
    "micro": micro,
    "count": count,
    "one": one,
}


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000])
    parser.add_argument("--sets", nargs="*", choices=SMALL, default=list(SMALL))
    parser.add_argument(
        "--ways", nargs="*", default=[], help="of --part speed; all when none is named, 'ours' always first"
    )
    parser.add_argument("--plain-limit", type=int, default=8_000, help="the plain way up to this many points")
    parser.add_argument("--full-limit", type=int, default=100_000, help="RCC on all points up to this many")
    options = parser.parse_args()
    if options.part not in ("growth", "one"):
        warm_up()
    PARTS[options.part](options)


if __name__ == "__main__":
    main()
