"""Which stain a slide has, guessed from its colours; it decides how tissue is found and what counts as a pen mark.

A guess and no diagnosis: it is shown, and people correct it. Ink is told from a stain by its missing grain: means over
8 x 8 pixels of a pen stroke hardly differ, those of tissue do, whatever its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from tessera.slides.quality import Limits, pen_share_of

Image = npt.NDArray[np.uint8]

_DARK_GROUND = 60  # a slide of which more than half is darker than this was made with fluorescence
_NO_CHROMA = 14  # a slide of which no spot of 5 x 5 thumbnail pixels has more of max - min has no colour
_GRAIN = 4.0  # grey levels: tissue has more, ink less
_PEN_IS_STAIN = 0.2  # no slide has a larger share of its tissue under ink without anybody's having asked
_EOSIN, _BROWN, _BROWN_SHARE = 0.35, 12, 0.02


@dataclass(frozen=True)
class Stain:
    """A slide's stain.

    Attributes:
        name: he, ihc, special, fluorescence or grey.
        source: guess or user.
    """

    name: str
    source: str


def without_colour(thumbnail: Image) -> str:
    """Whether a slide is fluorescence or grey, which must be known before tissue is looked for; else empty.

    Args:
        thumbnail: uint8 (H, W, 3), RGB.
    """
    high = thumbnail.max(axis=-1)
    if float((high < _DARK_GROUND).mean()) > 0.5:
        return "fluorescence"
    spots = cv2.blur(thumbnail, (5, 5)).astype(np.int16)
    return "grey" if int((spots.max(axis=-1) - spots.min(axis=-1)).max()) < _NO_CHROMA else ""


def guess_stain(tiles: Sequence[Image]) -> str:
    """The stain of a slide in colour from some of its tissue tiles.

    Args:
        tiles: uint8 (side, side, 3), RGB, spread over the tissue.

    Returns:
        he, ihc or special.
    """
    inked = [tile for tile in tiles if pen_share_of(tile) > 0.5]
    if len(inked) > _PEN_IS_STAIN * len(tiles) and float(np.median([grain(tile) for tile in inked])) > _GRAIN:
        return "special"
    pixels = np.concatenate([_tissue_pixels(tile) for tile in tiles]) if tiles else np.empty((0, 3), np.int16)
    if not len(pixels):
        return "he"
    red, green, blue = pixels[:, 0], pixels[:, 1], pixels[:, 2]
    eosin = float(((green < red - 8) & (green < blue + 8)).mean())
    brown = float(((red > green + _BROWN) & (green > blue + _BROWN)).mean())
    if eosin < _EOSIN or brown > 10 * _BROWN_SHARE:
        return "ihc" if brown > _BROWN_SHARE else "special" if eosin < _EOSIN / 2 else "he"
    return "he"


def limits_for(stain: str, tissue: str, limits: Limits) -> Limits:
    """What a tile may show on a slide of this stain.

    Args:
        stain: of the slide.
        tissue: what the user asked for; `all` drops nothing.
        limits: those of the settings.
    """
    if tissue == "all":
        return replace(limits, max_white=1, min_sharpness=0, max_pen=1)
    if stain == "fluorescence":
        return replace(limits, max_white=1, min_sharpness=0, max_pen=1)
    if stain == "grey":
        return replace(limits, max_pen=1, white_grey=225)
    return limits if stain == "he" else replace(limits, flat_pen=_GRAIN)


def grain(tile: Image) -> float:
    """Spread of the means over 8 x 8 pixels around their neighbourhood, grey levels.

    Below 1 in ink, above 4 in tissue.
    """
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
    size = (max(4, tile.shape[1] // 8), max(4, tile.shape[0] // 8))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return float((small - cv2.blur(small, (5, 5))).std())


def _tissue_pixels(tile: Image) -> npt.NDArray[np.int16]:
    """Every eighth pixel that is no glass, int16 (n, 3)."""
    sample = tile[::8, ::8].reshape(-1, 3).astype(np.int16)
    return sample[sample.min(axis=1) < 200]
