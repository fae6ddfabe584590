"""How long a tile of the slide viewer takes, against OpenSlide's own generator, in CPU milliseconds of its own.

python benchmarks/slide_tiles.py [--slides FOLDER] [--tiles 60]

Each way reads the same random tiles of each slide in the same order, from a slide that is freshly opened and with
caches of its own; both end with a JPEG of quality 85.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
from openslide.deepzoom import DeepZoomGenerator
from tessera.demo.demo import data_folder
from tessera.ingest.sources.kinds import SLIDE_SUFFIXES
from tessera.slides.viewer.deepzoom import OVERLAP_PX, TILE_PX, DeepZoom, Geometry

Place = tuple[int, int, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slides", type=Path, default=data_folder() / "slides")
    parser.add_argument("--tiles", type=int, default=60)
    options = parser.parse_args()
    print(f"{'slide':34} {'level-0 px':>16} {'tessera ms':>11} {'openslide ms':>13}")
    for path in sorted(path for path in options.slides.iterdir() if path.suffix.lower() in SLIDE_SUFFIXES):
        with openslide.OpenSlide(path) as file:
            geometry = Geometry(*file.dimensions)
            places = random_places(geometry, options.tiles)
            other = DeepZoomGenerator(file, TILE_PX, OVERLAP_PX)
            theirs = cpu_ms(lambda place, other=other: by_openslide(other, place), places)  # type: ignore[misc]
        zoom = DeepZoom(path)
        ours = cpu_ms(lambda place, zoom=zoom: zoom.jpeg(*place), places)  # type: ignore[misc]
        zoom.close()
        print(f"{path.name:34} {f'{geometry.width} x {geometry.height}':>16} {ours:11.1f} {theirs:13.1f}")


def random_places(geometry: Geometry, n: int) -> list[Place]:
    """Tiles of the levels that have more than one, as somebody would meet them who zooms about."""
    rng = np.random.default_rng(0)
    levels = [level for level in range(geometry.n_levels) if max(geometry.grid(level)) > 1]
    chosen = rng.choice(levels, n).tolist()
    return [(level, *(int(rng.integers(0, side)) for side in geometry.grid(level))) for level in chosen]  # type: ignore[misc]


def by_openslide(generator: DeepZoomGenerator, place: Place) -> bytes:
    level, column, row = place
    data = io.BytesIO()
    generator.get_tile(level, (column, row)).save(data, "JPEG", quality=85)
    return data.getvalue()


def cpu_ms(read: Callable[[Place], bytes], places: list[Place]) -> float:
    """Mean CPU time of a tile, opening the levels included."""
    began = time.process_time()
    for place in places:
        read(place)
    return 1000 * (time.process_time() - began) / len(places)


if __name__ == "__main__":
    main()
