"""Rows written to the feature bank in random order, as training writes them.

Rows a second, and bytes that reach the disk.

    python benchmarks/bank.py [--tiles 12000000] [--seconds 4] [--folder FOLDER]

`a file, mapped` is a file written in large pieces and then mapped; `the bank` is `RunFolder.open_bank`. The system
keeps files in pages of up to 2 MB, and writes a page whole though a row of it changed. Each spell ends with a sync. A
bank of 12 million rows takes 3 GB.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tessera.workspace.run_folder import Bank, RunFolder

DIM, BATCH, CHUNK, SPELLS = 128, 256, 65_536, 3


def plain(folder: Path, n_tiles: int) -> Bank:
    """A file written in large pieces, and mapped."""
    with (folder / "plain.f16").open("wb") as stream:
        for start in range(0, n_tiles, CHUNK):
            stream.write(np.zeros((min(CHUNK, n_tiles - start), DIM), np.float16).data)
        stream.flush()
        os.fsync(stream.fileno())
    return np.memmap(folder / "plain.f16", np.float16, "r+", shape=(n_tiles, DIM))


def written(folder: Path) -> int:
    """Bytes that the disk of a folder has been given."""
    device = folder.stat().st_dev
    line = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
    return int(line[6]) * 512


def spells(bank: Bank, folder: Path, seconds: float) -> Iterator[tuple[float, float]]:
    """Rows a second, and bytes a row, of each spell."""
    rng, fresh = np.random.default_rng(0), np.full((BATCH, DIM), DIM**-0.5, np.float16)
    for _ in range(SPELLS):
        before, began, rows = written(folder), time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            bank[rng.integers(0, len(bank), BATCH)] = fresh
            rows += BATCH
        bank.flush()
        yield rows / (time.perf_counter() - began), (written(folder) - before) / rows


def main() -> None:
    options = _options()
    print(f"{options.tiles:,} rows of {DIM} float16; spells of {options.seconds:g} s\n")
    print("| way | rows a second | bytes to the disk a row |\n| --- | --- | --- |")
    for name in ("a file, mapped", "the bank"):
        with tempfile.TemporaryDirectory(prefix="tessera-bench-", dir=options.folder) as scratch:
            folder = Path(scratch)
            bank = (
                plain(folder, options.tiles)
                if name == "a file, mapped"
                else RunFolder(folder).open_bank((options.tiles, DIM))
            )
            found = list(spells(bank, folder, options.seconds))
            del bank
        rates, sizes = (", then ".join(f"{value:,.0f}" for value in column) for column in zip(*found, strict=True))
        print(f"| {name} | {rates} | {sizes} |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=12_000_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument(
        "--folder", type=Path, default=None, help="on the disk to measure; the system's for temporary files"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
