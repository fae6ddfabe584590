"""Views of `tessera.tiles.augment.view`, made in batches where networks are, for GPUs that wait for the CPU otherwise.

The CPU decodes tiles and draws the views; what a view shows is the same pixel for pixel but for rounding, JPEG's
integer arithmetic and how averages over pixels are taken when tiles shrink.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from tessera.tiles.augment.view import ViewBatch

_RADIUS = 3  # px, of the blur: three times its greatest sigma
_BLOCK = 8
# Quantisation tables of JPEG (ITU-T T.81, annex K.1), at quality 50
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47),
    (18, 21, 26, 66),
    (24, 26, 56, 99),
    (47, 66, 99, 99),
)
# YCbCr of JFIF, without the offset of the two colour channels
_YCC_FROM_RGB = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def make_views(tiles: torch.Tensor, views: ViewBatch, side_px: int) -> torch.Tensor:
    """Make all views of a batch.

    Args:
        tiles: uint8 (B, 3, S, S), on the device that shall work.
        views: crops * B of them, the first ones of all tiles, then the second ones.
        side_px: side of the result, pixels.

    Returns:
        uint8 (crops * B, 3, side_px, side_px).
    """
    with torch.no_grad(), torch.autocast(tiles.device.type, enabled=False):
        images = _cut(tiles, views, side_px)
        steps: list[
            tuple[npt.NDArray[Any], npt.NDArray[np.bool_], Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]
        ]
        steps = [
            (views.stains, views.stained, _stain),
            (views.sigmas, views.sigmas > 0, _blur),
            (views.qualities, views.qualities > 0, _jpeg),
        ]
        for settings, concerned, step in steps:
            which = concerned.nonzero()[0]  # known on the CPU: nothing has to be asked of the device
            if len(which):
                rows = torch.from_numpy(which).to(tiles.device)
                images[rows] = step(images[rows], _to(settings[which], tiles)).round_().clamp_(0, 255)
        return images.to(torch.uint8)


def _to(values: npt.NDArray[Any], like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values).to(like.device, torch.float32, non_blocking=True)


def _cut(tiles: torch.Tensor, views: ViewBatch, side_px: int) -> torch.Tensor:
    """Crop, scale and turn: float (M, 3, side, side), whole numbers.

    As `augment.resize` has it, a crop that shrinks takes means over what a pixel covers, here of several bilinear
    samples.
    """
    whole = tiles.shape[-1]
    cut = torch.empty((len(views.boxes), 3, side_px, side_px), device=tiles.device)
    samples = np.ceil(views.boxes[:, 2:].max(axis=1) / side_px).astype(int)
    for fine in np.unique(samples):
        which = np.flatnonzero(samples == fine)
        rows = torch.from_numpy(which).to(tiles.device)
        boxes, symmetries = _to(views.boxes[which], tiles), torch.from_numpy(views.symmetries[which]).to(tiles.device)
        grid = _grid(boxes / whole, symmetries, side_px * int(fine), pixel=1 / whole)
        source = tiles[rows % len(tiles)].float()
        drawn = functional.grid_sample(source, grid, mode="bilinear", padding_mode="border", align_corners=False)
        cut[rows] = functional.avg_pool2d(drawn, int(fine))
    return cut.round_()


def _grid(boxes: torch.Tensor, symmetries: torch.Tensor, side_px: int, pixel: float) -> torch.Tensor:
    """Where each pixel of the result lies in its tile, as `grid_sample` wants it: (m, side, side, 2) in -1..1.

    Args:
        boxes: top, left, height, width, as shares of the tile's side, (m, 4).
        symmetries: see `augment.turn`, (m,).
        side_px: side of the result, pixels.
        pixel: share of the side that a pixel takes.
    """
    x_sign, y_sign, straight = (1 - 2 * ((symmetries >> bit) & 1).float() for bit in range(3))
    along, across = (1 + straight) / 2, (1 - straight) / 2  # a view that is turned takes its columns from rows
    ends = torch.stack([boxes[:, :2] + pixel / 2, boxes[:, :2] + boxes[:, 2:] - pixel / 2])
    low, high = (2 * ends.flip(2) - 1)[:, :, None, None]  # a crop knows nothing of pixels beyond it
    height, width = boxes[:, 2], boxes[:, 3]
    theta = torch.stack(
        [
            torch.stack([width * x_sign * along, width * y_sign * across, 2 * boxes[:, 1] + width - 1], dim=1),
            torch.stack([height * x_sign * across, height * y_sign * along, 2 * boxes[:, 0] + height - 1], dim=1),
        ],
        dim=1,
    )
    return functional.affine_grid(theta, [len(boxes), 3, side_px, side_px], align_corners=False).clamp_(low, high)


def _stain(images: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """As `augment.apply_stain`: matrices (M, 3, 4)."""
    logs = (images.clamp(min=1) / 255).log_()
    changed = torch.einsum("mij,mjhw->mihw", matrices[:, :, :3], logs) + matrices[:, :, 3, None, None]
    return changed.exp_() * 255


def _blur(images: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    """Gaussian blur, each image by its own sigma in px."""
    at = torch.arange(-_RADIUS, _RADIUS + 1, device=images.device, dtype=torch.float32)
    weights = torch.softmax(-at.square() / (2 * sigmas[:, None].square()), dim=1)[:, :, None, None, None]
    height, width = images.shape[-2:]
    padded = functional.pad(images, [_RADIUS] * 4, mode="reflect")
    rows = torch.stack([weights[:, i] * padded[:, :, i : i + height] for i in range(len(at))]).sum(dim=0)
    return torch.stack([weights[:, i] * rows[:, :, :, i : i + width] for i in range(len(at))]).sum(dim=0)


def _jpeg(images: torch.Tensor, qualities: torch.Tensor) -> torch.Tensor:
    """What a JPEG of the given quality keeps of images (M, 3, H, W), colours at full resolution (ITU-T T.81)."""
    device, (height, width) = images.device, images.shape[-2:]
    to_ycc = torch.tensor(_YCC_FROM_RGB, device=device)
    ycc = torch.einsum("ij,mjhw->mihw", to_ycc, images)
    ycc[:, 0] -= 128
    padded = functional.pad(ycc, [0, -width % _BLOCK, 0, -height % _BLOCK], mode="replicate").round_()
    blocks = padded.unflatten(3, (-1, _BLOCK)).unflatten(2, (-1, _BLOCK)).transpose(3, 4)  # (M, 3, rows, columns, 8, 8)
    cosines = _cosines(device)
    steps = _quantisation(qualities)[:, :, None, None]
    kept = (cosines @ blocks @ cosines.T / steps).round_() * steps
    back = (cosines.T @ kept @ cosines).transpose(3, 4).flatten(4, 5).flatten(2, 3)[:, :, :height, :width].round_()
    back[:, 0] += 128
    return torch.einsum("ij,mjhw->mihw", torch.linalg.inv(to_ycc), back)


def _cosines(device: torch.device) -> torch.Tensor:
    """The orthonormal cosine transform of 8 values, (8, 8)."""
    at = torch.arange(_BLOCK, device=device, dtype=torch.float32)
    table = torch.cos((2 * at[None] + 1) * at[:, None] * math.pi / (2 * _BLOCK)) * math.sqrt(2 / _BLOCK)
    table[0] /= math.sqrt(2)
    return table


def _quantisation(qualities: torch.Tensor) -> torch.Tensor:
    """Steps for each image and channel, (M, 3, 8, 8), scaled by quality as the IJG's library does."""
    chroma = torch.full((_BLOCK, _BLOCK), 99.0)
    chroma[:4, :4] = torch.tensor(_CHROMA, dtype=torch.float32)
    tables = torch.stack([torch.tensor(_LUMA, dtype=torch.float32), chroma, chroma]).to(qualities.device)
    percent = torch.where(qualities < 50, (5000 / qualities).floor(), 200 - 2 * qualities)
    return ((tables * percent[:, None, None, None] + 50) / 100).floor().clamp(1, 255)
