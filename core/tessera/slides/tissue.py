"""Where tissue lies on a thumbnail: white balance, saturation, clamped Otsu, and a test for smooth glow.

The base is saturation with Otsu's threshold clamped to 12..40 (reference/io.md, C): bare Otsu always splits, so on an
empty slide it invents tissue and on a full one it halves it. Two things are added for slides seen in practice: the
colour of the glass is measured and divided out (pink glass, her2st_C3), and pale pixels without any texture are glow of
stain or of mounting medium, not tissue.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

WHITE = 245.0
OTSU_LOW, OTSU_HIGH = 12.0, 40.0
SMOOTH_SPREAD = 3.0  # grey levels: glass is smoother than this within 7 x 7 thumbnail pixels
GLASS_GREY = 170  # glass is brighter than this, however tinted
MIN_GLASS_SHARE = 0.01  # with less glass than this, the slide is taken to be all tissue and its white to be white
PALE_DROP = 55.0  # a pixel less dark than this must show texture to be tissue
SPECK_SHARE = 2e-4  # components smaller than this share of the thumbnail are dust

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def tissue_mask(thumbnail: Image) -> Mask:
    """Mark tissue on a thumbnail of about 1/32 of level 0.

    Args:
        thumbnail: uint8 (H, W, 3), RGB.

    Returns:
        bool (H, W), True on tissue.
    """
    glass, smooth = _glass_colour(thumbnail)
    balanced = np.clip(thumbnail * (WHITE / glass), 0, 255).astype(np.uint8)
    saturation = cv2.medianBlur(cv2.cvtColor(balanced, cv2.COLOR_RGB2HSV)[..., 1], 5)
    otsu, _ = cv2.threshold(saturation, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    coloured = saturation > np.clip(otsu, OTSU_LOW, OTSU_HIGH)
    dark = cv2.blur(WHITE - balanced.min(axis=-1).astype(np.float32), (5, 5)) > PALE_DROP
    mask = (coloured & dark) | ((saturation > OTSU_LOW) & ~smooth)  # the second: fat and other pale, textured tissue
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return _without_specks(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel[2:5, 2:5]))


def _glass_colour(thumbnail: Image) -> tuple[npt.NDArray[np.float32], Mask]:
    """Median colour of bright smooth pixels, float32 (3,), and the mask of smooth pixels, bool (H, W)."""
    grey = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (7, 7))
    spread = np.sqrt(np.maximum(cv2.blur(grey * grey, (7, 7)) - mean * mean, 0))
    smooth = np.asarray(cv2.blur(spread, (7, 7)) < SMOOTH_SPREAD)
    glass = smooth & (mean > GLASS_GREY)
    if glass.mean() < MIN_GLASS_SHARE:
        return np.full(3, WHITE, np.float32), smooth
    return np.median(thumbnail[glass], axis=0).astype(np.float32), smooth


def _without_specks(mask: Image) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= max(4, SPECK_SHARE * mask.size)
    keep[0] = False
    return np.asarray(keep[labels]) if count > 1 else np.zeros(mask.shape, bool)
