"""Ingest against the usual ways: tiles/s, wall and per CPU-second, all in one run on one slide.

    python benchmarks/ingest.py [SLIDE] [--side 12000] [--histolab PYTHON]

Without a slide, one is composed from a real slide of $TESSERA_DATA (or a drawn one) by repeating its native JPEG tiles.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import openslide
import simplejpeg
import tifffile
from tessera.config import IngestConfig
from tessera.demo.demo import data_folder
from tessera.demo.synthetic import draw_slide
from tessera.ingest.pipeline import ingest
from tessera.slides.native import find_level
from tessera.workspace.folder import Workspace

TILE = 224


def compose(target: Path, side: int) -> Path:
    """A larger slide whose native tiles are those of a smaller one, repeated: same bytes, same decoding cost."""
    source = data_folder() / "slides" / "her2st_C2.tif"
    if not source.is_file():
        source = draw_slide(target.with_name("drawn.svs"), seed=1, width=6000, height=6000).path
    with openslide.OpenSlide(source) as slide:
        level = find_level(source, *slide.dimensions)
    assert level is not None
    handle = os.open(source, os.O_RDONLY)
    middle = [
        (row, column)
        for row in range(level.rows // 3, level.rows - 2)
        for column in range(level.columns // 3, level.columns - 2)
    ]
    tiles = [level.decode(handle, row, column) for row, column in middle]
    os.close(handle)
    dense = [tile for tile in tiles if tile.std() > 25]
    columns = -(-side // 256)
    order = np.resize(np.arange(len(dense)), columns * columns)
    with tifffile.TiffWriter(target) as tiff:
        for factor in (1, 4, 16):  # the levels of an Aperio slide
            about = {"description": "Aperio Image Library (bench)|AppMag = 20|MPP = 0.5"} if factor == 1 else {}
            small = [
                cv2.resize(tile, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA) for tile in dense
            ]
            tiff.write(
                _encoded(small, order, columns),
                shape=(columns * 256 // factor, columns * 256 // factor, 3),
                dtype=np.uint8,
                tile=(256, 256),
                compression="jpeg",
                photometric="ycbcr",
                subsampling=(2, 2),
                metadata=None,
                subfiletype=int(factor > 1),
                **about,
            )
    return target


def _encoded(pieces: list[np.ndarray], order: np.ndarray, columns: int) -> Iterator[bytes]:
    """256 px JPEG tiles of the mosaic of `pieces`, row by row, padded with white."""
    known: dict[tuple[int, ...], bytes] = {}
    side = pieces[0].shape[0]
    per_tile = 256 // side
    for row in range(0, columns, per_tile):
        for column in range(0, columns, per_tile):
            places = [
                (y, x, int(order[(row + y) * columns + column + x]))
                for y in range(min(per_tile, columns - row))
                for x in range(min(per_tile, columns - column))
            ]
            key = tuple(piece for *_, piece in places)
            if key not in known:
                tile = np.full((256, 256, 3), 255, np.uint8)
                for y, x, piece in places:
                    tile[y * side : (y + 1) * side, x * side : (x + 1) * side] = pieces[piece]
                known[key] = simplejpeg.encode_jpeg(tile, quality=80, colorsubsampling="420")
            yield known[key]


def positions(slide: openslide.OpenSlide, limit: int) -> list[tuple[int, int]]:
    width, height = slide.dimensions
    return [(x, y) for y in range(0, height - TILE, TILE) for x in range(0, width - TILE, TILE)][:limit]


def bare_openslide(path: Path, limit: int, _: Path) -> int:
    with openslide.OpenSlide(path) as slide:
        places = positions(slide, limit)
        for place in places:
            slide.read_region(place, 0, (TILE, TILE)).convert("RGB")
    return len(places)


def openslide_png(path: Path, limit: int, folder: Path) -> int:
    with openslide.OpenSlide(path) as slide:
        places = positions(slide, limit // 8)
        for x, y in places:
            slide.read_region((x, y), 0, (TILE, TILE)).convert("RGB").save(folder / f"{x}_{y}.png")
    return len(places)


def openslide_hdf5(path: Path, limit: int, folder: Path) -> int:
    """CLAM's older way: raw pixels appended to an HDF5 file that is opened for every tile."""
    import h5py

    with openslide.OpenSlide(path) as slide:
        places = positions(slide, limit // 4)
        for place in places:
            pixels = np.asarray(slide.read_region(place, 0, (TILE, TILE)).convert("RGB"))[None]
            with h5py.File(folder / "tiles.h5", "a") as file:
                if "imgs" in file:
                    data = file["imgs"]
                    data.resize(len(data) + 1, axis=0)
                    data[-1:] = pixels
                else:
                    file.create_dataset("imgs", data=pixels, maxshape=(None, TILE, TILE, 3), chunks=(1, TILE, TILE, 3))
    return len(places)


def decode_limit(path: Path, limit: int, _: Path) -> int:
    """Every native tile decoded once and nothing else, in 224 px equivalents."""
    with openslide.OpenSlide(path) as slide:
        level = find_level(path, *slide.dimensions)
    assert level is not None
    handle = os.open(path, os.O_RDONLY)
    n = min(level.rows * level.columns, limit)
    for i in range(n):
        level.decode(handle, *divmod(i, level.columns))
    os.close(handle)
    return round(n * (level.tile_width * level.tile_height) / TILE**2)


def tessera(threads: int) -> Callable[[Path, int, Path], int]:
    def run(path: Path, _: int, folder: Path) -> int:
        workspace = Workspace.create(folder / "workspace")
        return ingest(workspace, [path], IngestConfig(threads=threads)).tiles_added

    return run


_HISTOLAB = """
import sys, time
from histolab.slide import Slide
from histolab.tiler import GridTiler
from pathlib import Path
slide, folder = sys.argv[1:]
wall, cpu = time.perf_counter(), time.process_time()
tiler = GridTiler(tile_size=(224, 224), level=0, check_tissue=True, tissue_percent=50)
tiler.extract(Slide(slide, processed_path=folder))
print(len(list(Path(folder).glob("*.png"))), time.perf_counter() - wall, time.process_time() - cpu)
"""


def measure(way: Callable[[Path, int, Path], int], path: Path, folder: Path) -> tuple[float, float]:
    """Tiles per second of wall and of CPU time, of this process and its children."""
    wall, cpu = time.perf_counter(), _cpu()
    n = way(path, 2400, folder)
    return n / (time.perf_counter() - wall), n / (_cpu() - cpu)


def measure_histolab(python: str, path: Path, folder: Path) -> tuple[float, float]:
    """The same of HistoLab's GridTiler, imports not counted, in the environment it needs."""
    words = [python, "-W", "ignore", "-c", _HISTOLAB, str(path), str(folder)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-3:]
    n, wall, cpu = (float(word) for word in said)
    return n / wall, n / cpu


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    options = _options()
    scratch = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    path = options.slide or compose(scratch / "composed.svs", options.side)
    ways: dict[str, Callable[[Path, int, Path], int]] = {
        "bare OpenSlide read loop": bare_openslide,
        "JPEG decode limit": decode_limit,
        "OpenSlide + PNG per tile": openslide_png,
        "OpenSlide + HDF5 per tile": openslide_hdf5,
        "Tessera, everything, 1 thread": tessera(1),
        "Tessera, everything, 2 threads": tessera(2),
    }
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for round_ in range(options.rounds):  # interleaved, so that a busy minute hits all ways
        for number, (name, way) in enumerate(ways.items()):
            folder = scratch / f"{number}-{round_}"
            folder.mkdir()
            rates[name].append(measure(way, path, folder))
            shutil.rmtree(folder)
    if options.histolab:
        small = options.slide or compose(scratch / "small.svs", min(options.side, 3_000))
        (scratch / "histolab").mkdir()
        rates["HistoLab GridTiler"] = [measure_histolab(options.histolab, small, scratch / "histolab")]
    _print(path.name, {name: np.median(found, axis=0) for name, found in rates.items()}, options.rounds)
    shutil.rmtree(scratch)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slide", nargs="?", type=Path)
    parser.add_argument("--side", type=int, default=12_000, help="px of the composed slide")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--histolab", metavar="PYTHON", help="a Python that can import histolab 0.7 (it needs its own)")
    return parser.parse_args()


def _print(slide: str, measured: dict[str, np.ndarray], rounds: int) -> None:
    base = measured["bare OpenSlide read loop"]
    ours = measured["Tessera, everything, 1 thread"]
    print(
        f"\n| {slide}, tiles of {TILE} px, median of {rounds} | tiles/s | per CPU-second | CPU: against bare "
        "OpenSlide | CPU: Tessera is |"
    )
    print("| --- | --- | --- | --- | --- |")
    for name, (wall, cpu) in measured.items():
        print(f"| {name} | {wall:,.0f} | {cpu:,.0f} | {cpu / base[1]:.2f}x | {ours[1] / cpu:.1f}x as fast |")
    two = measured["Tessera, everything, 2 threads"]
    print(f"\n2 threads against 1, wall: {two[0] / ours[0]:.2f}x")


if __name__ == "__main__":
    main()
