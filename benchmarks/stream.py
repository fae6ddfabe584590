"""How well a small budget keeps a line busy: the real sizes of TCGA's diagnostic slides, a thousandth of everything.

    PYTHONPATH=. python benchmarks/stream.py [--slides 60] [--link 2.0] [--budgets 6,8,12,16]

The stand-in for the GDC serves slides whose sizes follow the measured quantiles of 11,892 diagnostic slides, divided by
1000 (a drawn slide, then bytes that readers pass over), through one line that all connections share. The real ingest
fetches, verifies, cuts, commits and deletes. Ideal is the time that the line needs for the bytes. "On disk" is measured
from outside, every 10 ms.
"""

from __future__ import annotations

import argparse
import logging
import random
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from tessera.config import IngestConfig, StreamConfig
from tessera.demo.synthetic import draw_slide
from tessera.ingest.archive.coordinator import stream
from tessera.ingest.archive.gdc import GdcSource
from tessera.ingest.archive.ledger import read_stream
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import StandIn

SCALE = 1000
QUANTILES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)
SIZES = (0.48e6, 184e6, 1006e6, 2.08e9, 3.09e9, 5.12e9)  # reference/gdc.md, 4


def fill(archive: StandIn, n: int, slide: bytes) -> int:
    """Offer `n` slides at even quantiles, in random order; returns their bytes."""
    sizes = np.interp((np.arange(n) + 0.5) / n, QUANTILES, SIZES) / SCALE
    order = random.Random(0).sample(range(n), n)
    total = 0
    for i in order:
        data = slide + random.Random(i).randbytes(max(16, int(sizes[i]) - len(slide)))
        archive.add(f"TCGA-AA-{i:04d}-01Z-00-DX1.svs", data)
        total += len(data)
    return total


class Watch:
    """Bytes in a folder, seen from outside."""

    def __init__(self, folder: Path) -> None:
        self.most, self._folder, self._end = 0, folder, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.01):
            sizes = 0
            for path in self._folder.rglob("*"):
                try:
                    sizes += path.stat().st_size if path.is_file() else 0
                except FileNotFoundError:
                    continue
            self.most = max(self.most, sizes)


def measure(folder: Path, budget_gb: float, n: int, link_mb: float, slide: bytes) -> str:
    with StandIn() as archive:
        total = fill(archive, n, slide)
        archive.link_bytes_per_second = link_mb * 1e6
        config = StreamConfig(
            gdc_url=archive.url, slide_budget=int(budget_gb * 1e9 / SCALE), free_floor=0, commit_every_s=2
        )
        workspace = Workspace.create(folder)
        with Watch(folder / "stream" / "slides") as watch:
            began = time.monotonic()
            source = GdcSource(config, ["TCGA"], ["Diagnostic Slide"])
            report = stream(workspace, source, config, IngestConfig(tile_px=64, commit_tiles=2000))
            seconds = time.monotonic() - began
    row = read_stream(workspace)
    assert report.slides_done == n, report.problems
    assert row is not None
    ideal = total / (link_mb * 1e6)
    within = "yes" if max(row.high_water, watch.most) <= config.slide_budget else "NO"
    return (
        f"| {budget_gb:g} | {seconds:.1f} | {ideal:.1f} | {ideal / seconds:.1%} | "
        f"{row.high_water / config.slide_budget:.0%} | "
        f"{watch.most / config.slide_budget:.0%} | {within} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slides", type=int, default=60)
    parser.add_argument("--link", type=float, default=2.0, help="MB/s of the whole line")
    parser.add_argument("--budgets", default="6,8,12,16", help="GB before scaling")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    print(f"{options.slides} slides, one line of {options.link:g} MB/s, sizes and budgets divided by {SCALE}\n")
    print("| budget GB | s | ideal s | of the line used | most reserved | most on disk | within budget |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        slide = draw_slide(root / "drawn.svs", seed=1, width=512, height=512, regions=3).path.read_bytes()
        for number, budget in enumerate(options.budgets.split(",")):
            print(measure(root / str(number), float(budget), options.slides, options.link, slide), flush=True)


if __name__ == "__main__":
    main()
