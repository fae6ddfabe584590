"""Augmentation for H&E: what a view is, and how a CPU makes it, one by one on uint8 with OpenCV.

Drawing a view and making it are two steps, so that `tessera.learn.features.device_views` can make the same views in
batches where networks are. On a CPU OpenCV is 3-10 times faster than batched torch (io.md, B).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

Image = npt.NDArray[np.uint8]
Stain = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]

# Optical densities of haematoxylin, eosin and DAB (Ruifrok & Johnston 2001), rows normalised as in scikit-image.
_RGB_FROM_HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
HED_FROM_RGB = np.linalg.inv(_RGB_FROM_HED)
_LOG = np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
_BLUR_SHARE, _JPEG_SHARE, _STAIN_SHARE = 0.3, 0.3, 0.8
_RATIO = (0.9, 1.1)


@dataclass(frozen=True)
class View:
    """How one view of a tile is made, in this order.

    Attributes:
        box: the part that is cut out: top, left, height, width in px of the tile. It is scaled to the view's side.
        symmetry: how it is turned, see `turn`.
        stain: float32 (3, 4), see `draw_stain`; None leaves the stains alone.
        sigma: of a Gaussian blur in px of the view; 0 is none.
        quality: of a JPEG round trip; 0 is none.
    """

    box: Box
    symmetry: int
    stain: Stain | None
    sigma: float
    quality: int


@dataclass(frozen=True)
class ViewBatch:
    """Views of a batch as arrays, for `tessera.learn.features.device_views`.

    Attributes:
        boxes: int64 (M, 4), see `View`.
        symmetries: int64 (M,).
        stained: bool (M,), where stains change.
        stains: float32 (M, 3, 4); zeros where they do not.
        sigmas: float32 (M,).
        qualities: int64 (M,).
    """

    boxes: npt.NDArray[np.int64]
    symmetries: npt.NDArray[np.int64]
    stained: npt.NDArray[np.bool_]
    stains: Stain
    sigmas: npt.NDArray[np.float32]
    qualities: npt.NDArray[np.int64]

    @classmethod
    def of(cls, views: list[View]) -> Self:
        """Views one after the other."""
        none = np.zeros((3, 4), np.float32)
        return cls(
            np.array([view.box for view in views], np.int64).reshape(-1, 4),
            np.array([view.symmetry for view in views], np.int64),
            np.array([view.stain is not None for view in views], bool),
            np.array([none if view.stain is None else view.stain for view in views], np.float32).reshape(-1, 3, 4),
            np.array([view.sigma for view in views], np.float32),
            np.array([view.quality for view in views], np.int64),
        )


@dataclass(frozen=True)
class Augment:
    """Random views of a tile: the symmetries of the square, crop, stain, focus, codec.

    Attributes:
        tile_px: side of the result.
        crop_scale: smallest share of the area that a crop keeps.
        stain_jitter: spread of gain and offset per stain; 0 is off.
    """

    tile_px: int
    crop_scale: float
    stain_jitter: float

    def __call__(self, tile: Image, rng: np.random.Generator) -> Image:
        """One view, uint8 (tile_px, tile_px, 3), of a tile uint8 (H, W, 3)."""
        return self.show(tile, self.draw(tile.shape[0], tile.shape[1], rng))

    def draw(self, height: int, width: int, rng: np.random.Generator) -> View:
        """A random view of a tile of `height` x `width` px."""
        box, symmetry = draw_box(height, width, self.crop_scale, rng), int(rng.integers(8))
        stained = bool(self.stain_jitter) and rng.random() < _STAIN_SHARE
        stain = draw_stain(self.stain_jitter, rng) if stained else None
        sigma = float(rng.uniform(0.1, 1)) if rng.random() < _BLUR_SHARE else 0.0
        quality = int(rng.integers(50, 96)) if rng.random() < _JPEG_SHARE else 0
        return View(box, symmetry, stain, sigma, quality)

    def show(self, tile: Image, view: View) -> Image:
        """Make a view of a tile uint8 (H, W, 3): uint8 (tile_px, tile_px, 3)."""
        top, left, height, width = view.box
        image = turn(resize(tile[top : top + height, left : left + width], self.tile_px), view.symmetry)
        if view.stain is not None:
            image = apply_stain(image, view.stain)
        if view.sigma:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), view.sigma), dtype=np.uint8)
        if view.quality:
            data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=view.quality)
            image = simplejpeg.decode_jpeg(data)
        return image


def draw_box(height: int, width: int, scale: float, rng: np.random.Generator) -> Box:
    """A random part with at least `scale` of the area and nearly square: top, left, height, width in px.

    Magnification is a signal in histology, so the crop is milder than the 0.08 usual for photographs.
    """
    area = rng.uniform(scale, 1)
    # a ratio beyond these would clip a side, and the crop would keep less than its area
    ratio = np.exp(rng.uniform(np.log(max(_RATIO[0], area)), np.log(min(_RATIO[1], 1 / area))))
    h = min(height, max(1, round(height * np.sqrt(area / ratio))))
    w = min(width, max(1, round(width * np.sqrt(area * ratio))))
    return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w


def resize(tile: Image, side_px: int) -> Image:
    """Scale to `side_px`: area mean when shrinking, linear when growing.

    Linear alone would be quicker where a tile shrinks by less than half, but what it aliases is missed in learning:
    drawn textures were found with a purity of .86 instead of more than .95.
    """
    if tile.shape[:2] == (side_px, side_px):
        return tile
    method = cv2.INTER_AREA if tile.shape[0] > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(tile, (side_px, side_px), interpolation=method), dtype=np.uint8)


def turn(tile: Image, symmetry: int) -> Image:
    """One of the eight symmetries of the square (D4): tissue has no "up"."""
    if symmetry & 4:
        tile = tile.swapaxes(0, 1)
    if symmetry & 2:
        tile = tile[::-1]
    if symmetry & 1:
        tile = tile[:, ::-1]
    return tile


def draw_stain(spread: float, rng: np.random.Generator) -> Stain:
    """Scale and shift the density of each stain (Tellez et al. 2018), as one matrix on log intensities, float32 (3, 4).

    ln I' = ln I (HED_from_RGB diag(alpha) RGB_from_HED) - beta RGB_from_HED with alpha ~ U(1 - s, 1 + s), beta ~ U(-s,
    s).
    """
    alpha, beta = rng.uniform(1 - spread, 1 + spread, 3), rng.uniform(-spread, spread, 3)
    matrix = np.empty((3, 4), np.float32)
    matrix[:, :3] = (HED_FROM_RGB @ np.diag(alpha) @ _RGB_FROM_HED).T
    matrix[:, 3] = -beta @ _RGB_FROM_HED
    return matrix


def apply_stain(tile: Image, matrix: Stain) -> Image:
    """Change the stains of a tile by a matrix of `draw_stain`."""
    logs = cv2.transform(cv2.LUT(tile, _LOG), matrix)
    return np.asarray(cv2.convertScaleAbs(cv2.exp(logs), alpha=255), dtype=np.uint8)  # which stops at white
