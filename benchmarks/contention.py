"""Training beside another busy process: OpenMP threads that spin while they wait, against threads that sleep.

    python benchmarks/contention.py [--seconds 10]

Training steps of a ResNet-18 at 64 px in a process of its own, alone and beside processes that never rest, with
OMP_WAIT_POLICY active and passive (what `core` sets).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

_TRAIN = """
import sys, time, torch
from tessera.learn.nets.encoders import build_encoder
model = build_encoder("resnet18", weights="random", seed=0)
head = torch.nn.Linear(model.dim, 16)
optimiser = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.05)
images, labels = torch.randint(0, 256, (64, 3, 64, 64), dtype=torch.uint8), torch.randint(0, 16, (64,))
until, begun, steps = None, 0.0, 0
while until is None or time.monotonic() < until:
    torch.nn.functional.cross_entropy(head(model(images)), labels).backward()
    optimiser.step(); optimiser.zero_grad(); steps += 1
    if steps == 2:
        begun = time.monotonic(); until = begun + float(sys.argv[1])
print(64 * (steps - 2) / (time.monotonic() - begun))
"""
_BUSY = "while True: pass"


def tiles_per_second(policy: str, seconds: float, neighbours: int) -> float:
    """Training speed with a wait policy beside some processes that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(neighbours)]
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRAIN, str(seconds)],
            env={**os.environ, "OMP_WAIT_POLICY": policy},
            check=True,
            capture_output=True,
            text=True,
        )
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("neighbours  active    passive   ratio   (tiles/s, median)")
    for neighbours in (0, 1, os.cpu_count() or 2):
        rounds = [
            [tiles_per_second(policy, options.seconds, neighbours) for policy in ("ACTIVE", "PASSIVE")]
            for _ in range(options.rounds)
        ]
        active, passive = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{neighbours:10d}  {active:8.1f}  {passive:8.1f}  {passive / active:6.2f}")


if __name__ == "__main__":
    main()
