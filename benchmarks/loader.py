"""How close loading comes to the decode limit: tiles a CPU-second, of every way to read them, in turns.

    python benchmarks/loader.py [--tiles FOLDER] [--rounds 5]

A CPU-second counts the work of all threads, so that it means a core's worth. Tiles are read in random order from a
store that is in the page cache.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
from tessera.config import IngestConfig
from tessera.demo.demo import data_folder
from tessera.ingest.tile_folder import ingest_tiles
from tessera.tiles.augment.view import Augment
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

BATCH, PX = 128, 128

Way = Callable[[npt.NDArray[np.int64]], None]


def ways(store: TileStore, jpegs: list[bytes], loaders: dict[tuple[int, int], TileLoader]) -> Iterator[tuple[str, Way]]:
    """Every way to read tiles, by name."""
    augment = Augment(PX, 0.3, 0.05)

    def decode(ids: npt.NDArray[np.int64]) -> None:
        for tile in ids:
            simplejpeg.decode_jpeg(jpegs[tile])

    def plain(px: int, threads: int) -> Way:
        return lambda ids: [None for _ in loaders[px, threads].plain(ids, BATCH)].clear()

    def augmented(threads: int, *, on_device: bool) -> Way:
        loader = loaders[PX, threads]
        return lambda ids: [None for _ in loader.augmented(ids, BATCH, augment, seed=(0,), on_device=on_device)].clear()

    side = simplejpeg.decode_jpeg_header(jpegs[0])[0]
    yield "decoding alone, bytes in memory", decode
    yield (
        "store alone, no decoding",
        lambda ids: [store.batch(ids[i : i + BATCH]) for i in range(0, len(ids), BATCH)].clear(),
    )
    for threads in sorted({threads for _, threads in loaders}):
        yield f"loader at {side} px, {threads} threads", plain(side, threads)
        yield f"loader at {PX} px, {threads} threads", plain(PX, threads)
        yield f"views at {PX} px made by OpenCV, {threads} threads", augmented(threads, on_device=False)
        yield f"views left to the device, {threads} threads", augmented(threads, on_device=True)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as scratch:
        workspace = Workspace.create(Path(scratch) / "workspace")
        ingest_tiles(workspace, options.tiles, IngestConfig())
        store = TileStore(workspace.tiles_path)
        jpegs = store.batch(np.arange(len(store)))
        side = simplejpeg.decode_jpeg_header(jpegs[0])[0]
        loaders = {(px, threads): TileLoader(store, px, threads) for px in (side, PX) for threads in (1, 2)}
        all_ways = list(ways(store, jpegs, loaders))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in all_ways}
        rng = np.random.default_rng(0)
        for _ in range(options.rounds + 1):
            ids = rng.permutation(len(store)).astype(np.int64)
            for name, way in all_ways:
                cpu, wall = time.process_time(), time.perf_counter()
                way(ids)
                found[name].append((len(ids) / (time.process_time() - cpu), len(ids) / (time.perf_counter() - wall)))
        for loader in loaders.values():
            loader.close()
    print(f"\n{len(jpegs):,} tiles of {side} px, batches of {BATCH}, medians of {options.rounds}\n")
    print("| way | tiles a CPU-second | against decoding | tiles a second |\n| --- | --- | --- | --- |")
    limit = np.array([cpu for cpu, _ in found["decoding alone, bytes in memory"][1:]])
    for name, rates in found.items():
        cpu, wall = np.array(rates[1:]).T
        print(f"| {name} | {np.median(cpu):,.0f} | {np.median(cpu / limit):.2f} | {np.median(wall):,.0f} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=Path, default=data_folder() / "tiles" / "colon5")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
