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
SPECK_SHARE = 2e-4  # components smaller than this share of the thumbnail are dust,
SPECK_UM2 = 10_000.0  # unless they are larger than this: a biopsy of 0.3 mm is tissue on the largest slide
_MOST_GLASS_CHROMA = 60  # grey levels: glass of a stronger colour than any mounting medium has

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def tissue_mask(thumbnail: Image, um_per_px: float = 0) -> Mask:
    """Mark tissue on a thumbnail of about 1/32 of level 0.

    Args:
        thumbnail: uint8 (H, W, 3), RGB.
        um_per_px: size of a thumbnail's pixel; 0 when it is not known.

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
    return _closed(mask, um_per_px)


def grey_mask(thumbnail: Image, um_per_px: float = 0) -> Mask:
    """Mark tissue on a slide without colour: what is darker than glass, or has grain; arguments as `tissue_mask`."""
    grey = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY)
    glass, smooth = _glass_colour(thumbnail)
    depth = np.clip(float(glass.mean()) - grey.astype(np.float32), 0, 255).astype(np.uint8)
    depth = cv2.medianBlur(depth, 5)
    otsu, _ = cv2.threshold(depth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    mask = (depth > np.clip(otsu, OTSU_LOW, OTSU_HIGH)) & (~smooth | (depth > PALE_DROP))
    return _closed(mask, um_per_px)


def bright_mask(thumbnail: Image, um_per_px: float = 0) -> Mask:
    """Mark tissue on a dark ground (fluorescence): what is brighter than it; arguments as `tissue_mask`."""
    bright = cv2.GaussianBlur(np.ascontiguousarray(thumbnail.max(axis=-1)), (5, 5), 0)
    otsu, _ = cv2.threshold(bright, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    ground = float(np.median(bright))
    return _closed(bright > max(ground + 4, min(otsu, ground + OTSU_LOW)), um_per_px)


def odd_glass(thumbnail: Image) -> str:
    """A word of caution when the brightest smooth part of a slide has a colour that no glass has; else empty."""
    grey = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (7, 7))
    smooth = np.sqrt(np.maximum(cv2.blur(grey * grey, (7, 7)) - mean * mean, 0)) < 1.5
    if smooth.mean() < MIN_GLASS_SHARE:
        return ""
    bright = smooth & (grey >= np.percentile(grey[smooth], 50))
    colour = np.median(thumbnail[bright], axis=0)
    if colour.max() - colour.min() < _MOST_GLASS_CHROMA or colour.max() < GLASS_GREY:
        return ""
    red, green, blue = (int(part) for part in colour)
    return f"its colours look wrong (glass is {red},{green},{blue}): YCbCr called RGB, or the other way round"


def _closed(mask: Mask, um_per_px: float) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return _without_specks(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel[2:5, 2:5]), um_per_px)


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


def _without_specks(mask: Image, um_per_px: float) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    dust = SPECK_SHARE * mask.size
    if um_per_px:
        dust = min(dust, SPECK_UM2 / um_per_px**2)
    keep = stats[:, cv2.CC_STAT_AREA] >= max(4, dust)
    keep[0] = False
    return np.asarray(keep[labels]) if count > 1 else np.zeros(mask.shape, bool)
