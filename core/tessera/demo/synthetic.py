"""Slides that Tessera draws itself: pyramidal TIFFs with tissue-like textures and a known class at every pixel.

They are the offline demo cohort and the ground truth of the tests. Each slide is one blob of tissue, divided into
regions; each region has one of five textures (tumour, stroma, lymphocytes, fat, mucin) in the colours of H&E, and
the whole slide has a stain of its own, as slides of different days have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
import tifffile

CLASSES = ("tumour", "stroma", "lymphocytes", "fat", "mucin")
GLASS = -1
_JPEG_TILE_PX = 256
_PATCH_PX = 1024
_MAP_STEP_PX = 16

Image = npt.NDArray[np.uint8]
ClassMap = npt.NDArray[np.int8]


@dataclass(frozen=True)
class SyntheticSlide:
    """A drawn slide.

    Attributes:
        path: the file, an Aperio-layout TIFF that OpenSlide reads.
        class_map: int8 (H / 16, W / 16), index into `CLASSES` or `GLASS`, one entry per 16 x 16 level-0 pixels.
        mpp: um per level-0 pixel, as recorded in the file (None: the file records none).
    """

    path: Path
    class_map: ClassMap
    mpp: float | None

    def class_at(self, x0: int, y0: int, side0: int) -> tuple[int, float]:
        """Commonest class of a square and its share.

        Args:
            x0: left edge in level-0 pixels.
            y0: upper edge in level-0 pixels.
            side0: side in level-0 pixels.

        Returns:
            Index into `CLASSES` or `GLASS`, and the share of the square that it covers, 0-1.
        """
        rows = slice(y0 // _MAP_STEP_PX, max(y0 // _MAP_STEP_PX + 1, (y0 + side0) // _MAP_STEP_PX))
        columns = slice(x0 // _MAP_STEP_PX, max(x0 // _MAP_STEP_PX + 1, (x0 + side0) // _MAP_STEP_PX))
        values, counts = np.unique(self.class_map[rows, columns], return_counts=True)
        return int(values[counts.argmax()]), float(counts.max() / counts.sum())


def draw_slide(
    path: Path, *, seed: int, width: int = 4096, height: int = 3072, mpp: float | None = 0.5, regions: int = 14
) -> SyntheticSlide:
    """Draw one slide and write it as a tiled, pyramidal JPEG TIFF in Aperio's layout.

    Args:
        path: file to write; its folder must exist.
        seed: decides everything about the slide.
        width: level-0 pixels, rounded up to a multiple of 16.
        height: level-0 pixels, rounded up to a multiple of 16.
        mpp: um per pixel to record; None records none.
        regions: how many regions the tissue is divided into.

    Returns:
        The slide and its class map.
    """
    rng = np.random.default_rng(seed)
    class_map = _draw_map(rng, -(-width // _MAP_STEP_PX), -(-height // _MAP_STEP_PX), regions)
    image = _paint(rng, class_map)
    _write_pyramid(path, image, mpp)
    return SyntheticSlide(path, class_map, mpp)


def draw_cohort(
    folder: Path, *, n_slides: int = 4, seed: int = 0, width: int = 4096, height: int = 3072
) -> list[SyntheticSlide]:
    """Draw several slides named synthetic-01.svs and on.

    Args:
        folder: made if missing.
        n_slides: how many.
        seed: the cohort's seed; slide i has seed + i.
        width: of each slide, level-0 pixels.
        height: of each slide, level-0 pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [
        draw_slide(folder / f"synthetic-{i + 1:02d}.svs", seed=seed + i, width=width, height=height)
        for i in range(n_slides)
    ]


def draw_texture(kind: str, rng: np.random.Generator, side_px: int = _PATCH_PX) -> Image:
    """One square of a tissue-like texture.

    Args:
        kind: one of `CLASSES`.
        rng: decides where nuclei and fibres lie.
        side_px: side in pixels.

    Returns:
        uint8 (side, side, 3), RGB.

    Raises:
        KeyError: an unknown kind.
    """
    return _TEXTURES[kind](rng, side_px)


def _draw_map(rng: np.random.Generator, columns: int, rows: int, regions: int) -> ClassMap:
    """A wavy blob of tissue cut into wavy Voronoi regions, int8 (rows, columns)."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    wave_x, wave_y = (_smooth_noise(rng, rows, columns, 12) * 0.06 * min(rows, columns) for _ in range(2))
    xw, yw = x + wave_x, y + wave_y
    centres = rng.uniform([0, 0], [columns, rows], size=(regions, 2))
    kinds = rng.permutation(np.resize(np.arange(len(CLASSES)), regions))  # every class appears if regions allow it
    distance = (xw[..., None] - centres[:, 0]) ** 2 + (yw[..., None] - centres[:, 1]) ** 2  # (rows, cols, regions)
    class_map = kinds[distance.argmin(axis=-1)].astype(np.int8)
    inside = ((xw / columns - 0.5) / 0.44) ** 2 + ((yw / rows - 0.5) / 0.42) ** 2 < 1
    class_map[~inside] = GLASS
    return class_map


def _paint(rng: np.random.Generator, class_map: ClassMap) -> Image:
    """Fill each class of the map with its texture, then stain the slide, uint8 (H, W, 3)."""
    rows, columns = class_map.shape
    full = cv2.resize(class_map, (columns * _MAP_STEP_PX, rows * _MAP_STEP_PX), interpolation=cv2.INTER_NEAREST)
    image = np.full((*full.shape, 3), 243, np.uint8)
    repeats = (-(-full.shape[0] // _PATCH_PX), -(-full.shape[1] // _PATCH_PX), 1)
    for index, kind in enumerate(CLASSES):
        if not (full == index).any():
            continue
        texture = np.tile(draw_texture(kind, rng), repeats)[: full.shape[0], : full.shape[1]]
        np.copyto(image, texture, where=(full == index)[..., None])
    stain = rng.uniform(0.9, 1.12, size=3)  # optical density is scaled per channel, glass stays glass
    table = np.clip(243 * (np.arange(256)[:, None] / 243) ** stain, 0, 255).astype(np.uint8)  # (256, 3)
    return np.ascontiguousarray(cv2.LUT(image, table[None]))


def _smooth_noise(rng: np.random.Generator, rows: int, columns: int, cells: int) -> npt.NDArray[np.float32]:
    """Smooth noise of about unit size with `cells` bumps along each side, float32 (rows, columns)."""
    coarse = rng.normal(size=(cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _ground(rng: np.random.Generator, side_px: int, colour: tuple[int, int, int], spread: float) -> Image:
    """A plain colour with a little grain, uint8 (side, side, 3)."""
    grain = _smooth_noise(rng, side_px, side_px, side_px // 6)[..., None] * spread
    return np.asarray(np.clip(np.array(colour) + grain, 0, 255), dtype=np.uint8)


def _nuclei(
    image: Image, rng: np.random.Generator, count: int, radius: tuple[float, float], colour: tuple[int, int, int]
) -> Image:
    """Draw filled, slightly oval nuclei at random places."""
    side = image.shape[0]
    for x, y in rng.integers(0, side, size=(count, 2)).tolist():
        axes = tuple(int(v) for v in rng.uniform(*radius, size=2))
        shade = tuple(int(v) for v in np.clip(np.array(colour) + rng.normal(0, 10), 0, 255))
        cv2.ellipse(image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, shade, -1, cv2.LINE_AA)
    return image


def _tumour(rng: np.random.Generator, side_px: int) -> Image:
    image = _ground(rng, side_px, (205, 150, 190), 8)
    return _nuclei(image, rng, side_px * side_px // 330, (6, 11), (100, 60, 130))


def _stroma(rng: np.random.Generator, side_px: int) -> Image:
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    phase = (x * 0.4 + y) / 9 + 2.5 * _smooth_noise(rng, side_px, side_px, 8)
    stripes = 16 * np.sin(phase)[..., None] * np.array([0.4, 1.0, 0.6])
    image = np.clip(np.array([228, 160, 190]) + stripes, 0, 255).astype(np.uint8)
    return _nuclei(image, rng, side_px * side_px // 4000, (3, 9), (120, 80, 140))


def _lymphocytes(rng: np.random.Generator, side_px: int) -> Image:
    image = _ground(rng, side_px, (200, 175, 205), 6)
    return _nuclei(image, rng, side_px * side_px // 110, (4, 5), (65, 45, 115))


def _fat(rng: np.random.Generator, side_px: int) -> Image:
    image = _ground(rng, side_px, (225, 165, 190), 5)
    step = 52
    for y in range(-step, side_px + step, step - 6):
        for x in range(-step, side_px + step, step):
            centre = (x + int(rng.integers(-6, 7)) + (y // step % 2) * step // 2, y + int(rng.integers(-6, 7)))
            cv2.ellipse(image, centre, (25, 24), float(rng.uniform(0, 180)), 0, 360, (239, 226, 234), -1, cv2.LINE_AA)
    return image


def _mucin(rng: np.random.Generator, side_px: int) -> Image:
    y = np.mgrid[0:side_px, 0:side_px][0].astype(np.float32)
    swirl = 10 * np.sin(y / 30 + 3 * _smooth_noise(rng, side_px, side_px, 6))[..., None]
    image = np.clip(np.array([190, 195, 222]) + swirl, 0, 255).astype(np.uint8)
    return _nuclei(image, rng, side_px * side_px // 12_000, (4, 6), (110, 80, 140))


_TEXTURES = {"tumour": _tumour, "stroma": _stroma, "lymphocytes": _lymphocytes, "fat": _fat, "mucin": _mucin}


def _write_pyramid(path: Path, image: Image, mpp: float | None) -> None:
    """Levels 1, 4, 16 as 256 px JPEG tiles; encoded by us, because tifffile's own JPEG confuses RGB and YCbCr."""
    resolution = "" if mpp is None else f"|AppMag = {10 / mpp:g}|MPP = {mpp:g}"
    with tifffile.TiffWriter(path) as tiff:
        for factor in (1, 4, 16):
            level = (
                image
                if factor == 1
                else cv2.resize(
                    image, (image.shape[1] // factor, image.shape[0] // factor), interpolation=cv2.INTER_AREA
                )
            )
            about: dict[str, Any] = (
                {"description": f"Aperio Image Library (Tessera){resolution}"} if factor == 1 else {}
            )
            tiff.write(
                _jpeg_tiles(level),
                shape=level.shape,
                dtype=np.uint8,
                tile=(_JPEG_TILE_PX, _JPEG_TILE_PX),
                compression="jpeg",
                photometric="ycbcr",
                subsampling=(2, 2),
                metadata=None,
                subfiletype=int(factor > 1),
                **about,
            )


def _jpeg_tiles(level: Image) -> Iterator[bytes]:
    """The level cut into whole 256 px tiles, padded with glass, row by row, as JPEG."""
    height, width = level.shape[:2]
    for y in range(0, height, _JPEG_TILE_PX):
        for x in range(0, width, _JPEG_TILE_PX):
            tile = np.full((_JPEG_TILE_PX, _JPEG_TILE_PX, 3), 243, np.uint8)
            piece = level[y : y + _JPEG_TILE_PX, x : x + _JPEG_TILE_PX]
            tile[: piece.shape[0], : piece.shape[1]] = piece
            yield simplejpeg.encode_jpeg(tile, quality=85, colorspace="RGB", colorsubsampling="420")
