"""Formats that slides come in: who reads them, whether the pixels are those of an independent reader, and how fast.

    python benchmarks/formats.py [--side 4096]

Every file is written here from one drawn slide; the independent reader is tifffile's `asarray` or Pillow, which decode
whole images. JPEG, WebP and JPEG 2000 lose detail when they are written, not when they are read.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import tifffile
from PIL import Image
from tessera.demo.synthetic import draw_slide
from tessera.errors import SlideError
from tessera.slides.reader import Slide

TILE = 224
CM = {"resolution": (20000, 20000), "resolutionunit": 3}
Pixels = np.ndarray


def tiff(**how: object) -> Callable[[Path, Pixels], None]:
    def write(path: Path, pixels: Pixels) -> None:
        tifffile.imwrite(path, pixels, photometric=how.pop("photometric", "rgb"), **{**CM, **how})

    return write


def planes_apart(path: Path, pixels: Pixels) -> None:
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    about = {**CM, "photometric": "rgb", "planarconfig": "separate", "tile": (256, 256), "compression": "zlib"}
    tifffile.imwrite(path, planes, **about)


def ome_with_levels(path: Path, pixels: Pixels) -> None:
    with tifffile.TiffWriter(path, ome=True) as out:
        about = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        out.write(pixels, subifds=2, tile=(256, 256), photometric="rgb", metadata=about, compression="zlib")
        for factor in (2, 4):
            small = np.ascontiguousarray(pixels[::factor, ::factor])
            out.write(small, subfiletype=1, tile=(256, 256), photometric="rgb", compression="zlib")


def picture(kind: str, **how: object) -> Callable[[Path, Pixels], None]:
    return lambda path, pixels: Image.fromarray(pixels).save(path, kind, dpi=(50800, 50800), **how)


FORMATS: dict[str, tuple[str, Callable[[Path, Pixels], None]]] = {
    "TIFF, tiles, no compression": ("a.tif", tiff(tile=(256, 256))),
    "TIFF, tiles, LZW with predictor": ("b.tif", tiff(tile=(256, 256), compression="lzw", predictor=True)),
    "TIFF, tiles, JPEG": ("c.tif", tiff(tile=(256, 256), compression="jpeg")),
    "TIFF, tiles, WebP": ("d.tif", tiff(tile=(256, 256), compression="webp")),
    "TIFF, tiles, JPEG XL": ("e.tif", tiff(tile=(256, 256), compression="jpegxl")),
    "TIFF, tiles, JPEG 2000": ("f.tif", tiff(tile=(256, 256), compression="jpeg2000")),
    "TIFF, tiles, Zstandard": ("g.tif", tiff(tile=(256, 256), compression="zstd")),
    "TIFF, strips, no compression": ("h.tif", tiff(rowsperstrip=16)),
    "TIFF, strips, LZW": ("i.tif", tiff(rowsperstrip=16, compression="lzw")),
    "TIFF, strips, big-endian": ("j.tif", tiff(rowsperstrip=16, byteorder=">")),
    "TIFF, tiles, big-endian, deflate": ("k.tif", tiff(tile=(256, 256), byteorder=">", compression="zlib")),
    "BigTIFF, tiles, deflate": ("l.tif", tiff(tile=(256, 256), bigtiff=True, compression="zlib")),
    "TIFF, planes apart": ("m.tif", planes_apart),
    "OME-TIFF, sub-resolutions, deflate": ("n.ome.tif", ome_with_levels),
    "PNG": ("o.png", picture("PNG", compress_level=1)),
    "JPEG": ("p.jpg", picture("JPEG", quality=95)),
    "JPEG 2000": ("q.jp2", picture("JPEG2000")),
    "WebP, lossless": ("r.webp", picture("WEBP", lossless=True, method=0)),
}


def truth(path: Path, pixels: Pixels) -> Pixels:
    """The pixels by an independent reader."""
    if path.suffix == ".tif":
        whole = tifffile.imread(path, key=0)
        return np.moveaxis(whole, 0, -1) if whole.shape[0] == 3 else whole
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def read(path: Path, expected: Pixels) -> tuple[str, int, float]:
    """Reader, largest difference, and tiles a second of one thread."""
    with Slide(path, default_mpp=0.5) as slide:
        reader, _ = slide.pixels(1)
        began, worst, n = time.perf_counter(), 0, 0
        for y in range(0, slide.height - TILE + 1, TILE):
            for x in range(0, slide.width - TILE + 1, TILE):
                tile = reader.read(x, y, TILE, TILE).astype(np.int16)
                worst = max(worst, int(np.abs(tile - expected[y : y + TILE, x : x + TILE]).max()))
                n += 1
        return slide.reader, worst, n / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2048)
    side = parser.parse_args().side
    print("| format | reader | largest difference to an independent reader | tiles/s, 1 thread, opened |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = draw_slide(folder / "drawn.svs", seed=1, width=side, height=side).path
        with openslide.OpenSlide(drawn) as slide:
            pixels = np.ascontiguousarray(np.asarray(slide.read_region((0, 0), 0, (side, side)))[..., :3])
        for title, (file, write) in FORMATS.items():
            path = folder / file
            try:
                write(path, pixels)
            except (ImportError, OSError, ValueError, RuntimeError, KeyError) as error:
                print(f"| {title} | not written here: {error} | | |")
                continue
            try:
                reader, worst, rate = read(path, truth(path, pixels))
                print(f"| {title} | {reader} | {worst} | {rate:,.0f} |")
            except SlideError as error:
                print(f"| {title} | refused: {error.reason} | | |")


if __name__ == "__main__":
    main()
