"""RCC on one GPU, stage by stage.

Needs only torch, numpy, scipy and scikit-learn beside this repository's core/tessera/learn.

    PYTHONPATH=. python benchmarks/rcc_gpu.py [--sizes 1000000 3000000 10000000] [--dim 64] [--device cuda]

Each size is one row: neighbours (by cells), graph (on the CPU), solver, all in wall seconds; the last lines give the
growth exponent between the sizes and what it says for 30 M.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from rcc_data import ami, mixture
from tessera.learn.cluster.graph.mutual import mutual_graph
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.rcc.engine_torch import TorchEngine
from tessera.learn.cluster.rcc.model import PRESETS
from tessera.learn.cluster.rcc.prepare import fit_space
from tessera.learn.cluster.rcc.solver import edge_lengths, minimise, read_constants

TARGET = 30_000_000


def measure(n: int, options: argparse.Namespace) -> float:
    """One size; its seconds in all."""
    preset = PRESETS["robust"]
    raw, truth = mixture(n, dim=options.dim)
    if options.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    times = [time.perf_counter()]
    points = fit_space(raw, preset.n_components).apply(raw)
    times.append(time.perf_counter())
    found = nearest(points, preset.n_neighbors, method=options.method, device=options.device)
    times.append(time.perf_counter())
    graph = mutual_graph(found, preset.connect)
    times.append(time.perf_counter())
    constants = read_constants(
        points, edge_lengths(points, graph), factor=preset.lambda_scale, quantile=preset.mu_quantile, spectral=False
    )
    with TorchEngine(points, graph, options.device) as engine:
        trace = minimise(engine, constants, preset.schedule)
        labels = graph.components(engine.lengths() < preset.link * constants.epsilon)
    times.append(time.perf_counter())
    peak = torch.cuda.max_memory_allocated() / 1e9 if options.device.startswith("cuda") else float("nan")
    cells = [f"{n:,}", *(f"{value:.1f}" for value in np.diff(times)), f"{times[-1] - times[0]:.1f}"]
    cells += [str(len(trace.energy)), f"{found.recall:.3f}", f"{ami(truth, labels):.3f}", f"{peak:.1f}"]
    print("| " + " | ".join(cells) + " |", flush=True)
    return times[-1] - times[0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000_000, 3_000_000, 10_000_000])
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--method", default="torch-cells", choices=["torch", "torch-cells"])
    options = parser.parse_args()
    if options.device.startswith("cuda"):
        print(f"{torch.cuda.get_device_name(options.device)}, torch {torch.__version__}\n")
    heads = ["N", "prepare", "neighbours", "graph", "solve", "all, s", "iterations", "recall", "AMI", "peak GB"]
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    seconds = [measure(n, options) for n in options.sizes]
    if len(seconds) > 1:
        slope = np.log(seconds[-1] / seconds[-2]) / np.log(options.sizes[-1] / options.sizes[-2])
        there = seconds[-1] * (TARGET / options.sizes[-1]) ** slope
        print(f"\ngrowth as N^{slope:.2f} between the last two sizes: {there / 60:.1f} minutes at {TARGET:,}")


if __name__ == "__main__":
    main()
