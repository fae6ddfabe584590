"""Is a tile worth keeping? Tests for white, blur and pen that cost a tenth of its decoding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

_STRIDE = 8  # every 8th pixel each way: 784 of a 224 px tile, enough for a share
_WHITE_RANGE, _WHITE_GREY = 22, 200  # a white pixel has little colour and is bright
_PEN_SATURATION, _PEN_DARK = 90, 40
_PEN_GREEN_OVER_RED = 10  # ink is nearer to cyan than any haematoxylin
_PEN_BLOCK = 4  # sampled pixels a side: in means over 32 x 32 pixels nuclei vanish, strokes of 100 um and more do not


class Reason(IntEnum):
    """Why a grid position was kept or dropped; the value is the code in the ledger's grid."""

    KEPT = 0
    NO_TISSUE = 1
    WHITE = 2
    BLUR = 3
    PEN = 4
    OVER_CAP = 5
    UNREADABLE = 6

    @property
    def label(self) -> str:
        """Words for the page and the ledger."""
        return _LABELS[self]


_LABELS = {
    Reason.KEPT: "kept",
    Reason.NO_TISSUE: "no tissue",
    Reason.WHITE: "mostly white",
    Reason.BLUR: "blurred",
    Reason.PEN: "pen mark",
    Reason.OVER_CAP: "over the cap per slide",
    Reason.UNREADABLE: "unreadable",
}


@dataclass(frozen=True)
class Limits:
    """What a tile may show; see `tessera.config.IngestConfig` for defaults and meaning."""

    max_white: float
    min_sharpness: float
    max_pen: float
    white_grey: int = _WHITE_GREY
    """Colourless pixels above this are white."""
    flat_pen: float = 0
    """Where stains have the colours of pens: only a tile with less grain than this is ink; 0 looks at colour alone."""


def judge(tile: Image, limits: Limits) -> Reason:
    """Keep a tile or say why not.

    Args:
        tile: uint8 (side, side, 3), RGB.
        limits: thresholds.

    Returns:
        KEPT, WHITE, PEN or BLUR, tested in this order.
    """
    planes = np.ascontiguousarray(tile[::_STRIDE, ::_STRIDE].transpose(2, 0, 1)).astype(np.int16)
    sample = planes.transpose(1, 2, 0)  # each colour in one piece: ten times as fast as a reduction over the last axis
    if limits.max_white < 1 and white_share(sample, limits.white_grey) > limits.max_white:
        return Reason.WHITE
    if limits.max_pen < 1 and pen_share_of(tile) > limits.max_pen and _is_flat(tile, limits.flat_pen):
        return Reason.PEN
    if sharpness(tile) < limits.min_sharpness:
        return Reason.BLUR
    return Reason.KEPT


def _is_flat(tile: Image, most: float) -> bool:
    from tessera.slides.stain import grain  # it asks this module for the colours of pens

    return not most or grain(tile) < most


def pen_share_of(tile: Image) -> float:
    """Share of a tile, uint8 (side, side, 3), in the colours of pens, 0-1 (see `pen_share`)."""
    return pen_share(_block_means(tile[::_STRIDE, ::_STRIDE]))


def white_share(pixels: npt.NDArray[np.int16], white_grey: int = _WHITE_GREY) -> float:
    """Share of bright, colourless pixels of (h, w, 3), 0-1."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    low, high = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    return _share((high - low < _WHITE_RANGE) & (low > white_grey))


def pen_share(blocks: npt.NDArray[np.int16]) -> float:
    """Share of blocks of (h, w, 3), each the mean of 32 x 32 pixels, in the colours of blue, green and black pens, 0-1.

    Stained tissue is never green, and blue in it goes with red (haematoxylin is violet, even where a camera makes it
    blue); ink is one pure colour, or black. Single nuclei may be as dark as ink, so means are looked at, not pixels.
    """
    red, green, blue = blocks[..., 0], blocks[..., 1], blocks[..., 2]
    is_blue = (
        (blue - red > _PEN_SATURATION) & (blue - green > _PEN_SATURATION // 2) & (green - red > _PEN_GREEN_OVER_RED)
    )
    is_green = (green - red > _PEN_SATURATION // 3) & (green - blue > 0) & (green > 60)
    is_black = np.maximum(np.maximum(red, green), blue) < _PEN_DARK
    return _share(is_blue | is_green | is_black)


def _block_means(sample: Image) -> npt.NDArray[np.int16]:
    """Means over blocks of sampled pixels, (H, W, 3) -> int16 (H / 4, W / 4, 3)."""
    size = (max(1, sample.shape[1] // _PEN_BLOCK), max(1, sample.shape[0] // _PEN_BLOCK))
    return cv2.resize(np.ascontiguousarray(sample), size, interpolation=cv2.INTER_AREA).astype(np.int16)


def sharpness(tile: Image) -> float:
    """Spread of the Laplacian of the grey image at half size, in grey levels; low when out of focus."""
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return float(cv2.meanStdDev(cv2.Laplacian(half, cv2.CV_16S))[1][0, 0])


def _share(chosen: npt.NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(chosen)) / chosen.size
