"""Ingest against the usual ways: tiles/s, wall and per CPU-second, all in one run on one slide.

python benchmarks/ingest.py [SLIDE] [--side 12000]

Without a slide, one is composed from a real slide of $TESSERA_DATA (or a drawn one) by repeating its native JPEG tiles.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import simplejpeg
import tifffile

from core.config import IngestConfig
from core.demo import data_folder
from core.ingest.pipeline import ingest
from core.slides.native import find_level
from core.synthetic import draw_slide
from core.workspace import Workspace

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
    dense = [
        simplejpeg.encode_jpeg(np.ascontiguousarray(tile), quality=80, colorsubsampling="420")
        for tile in tiles
        if tile.std() > 25
    ]
    os.close(handle)
    columns = -(-side // 256)
    encoded = [dense[i % len(dense)] for i in range(columns * columns)]
    with tifffile.TiffWriter(target) as tiff:
        tiff.write(
            iter(encoded), shape=(columns * 256, columns * 256, 3), dtype=np.uint8, tile=(256, 256), compression="jpeg",
            photometric="ycbcr", subsampling=(2, 2), metadata=None, description="Aperio Image Library (bench)|AppMag = 20|MPP = 0.5",
        )  # fmt: skip
    return target


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


def histolab(path: Path, limit: int, folder: Path) -> int:
    from histolab.slide import Slide
    from histolab.tiler import GridTiler

    slide = Slide(str(path), processed_path=str(folder))
    GridTiler(tile_size=(TILE, TILE), level=0, check_tissue=True, tissue_percent=50).extract(slide)
    return len(list(folder.glob("*.png")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slide", nargs="?", type=Path)
    parser.add_argument("--side", type=int, default=12_000)
    options = parser.parse_args()
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
    try:
        import histolab as _histolab  # noqa: F401

        ways["HistoLab GridTiler"] = histolab
    except ImportError:
        print("HistoLab is not installed: left out")
    measured: dict[str, tuple[float, float]] = {}
    for name, way in ways.items():
        rates = []
        for round_ in range(3):
            folder = scratch / f"{len(measured)}-{round_}"
            folder.mkdir()
            wall, cpu = time.perf_counter(), time.process_time()
            n = way(path, 2400, folder)
            rates.append((n / (time.perf_counter() - wall), n / (time.process_time() - cpu)))
            shutil.rmtree(folder)
        measured[name] = (float(np.median([r[0] for r in rates])), float(np.median([r[1] for r in rates])))
    base = measured["bare OpenSlide read loop"]
    print(
        f"\n| {path.name}, tiles of {TILE} px, median of 3 | tiles/s | per CPU-second | CPU, against bare OpenSlide |\n| --- | --- | --- | --- |"
    )
    for name, (wall_rate, cpu_rate) in measured.items():
        print(f"| {name} | {wall_rate:,.0f} | {cpu_rate:,.0f} | {cpu_rate / base[1]:.2f}x |")
    one, two = measured["Tessera, everything, 1 thread"], measured["Tessera, everything, 2 threads"]
    print(f"\n2 threads against 1, wall: {two[0] / one[0]:.2f}x")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
