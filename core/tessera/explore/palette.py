"""A colour for every cluster, the same wherever and whenever it is shown."""

from __future__ import annotations

import colorsys

import numpy as np
import numpy.typing as npt

# Okabe & Ito (2008) without black and grey, told apart by colour-blind readers; then golden-angle hues in three tones.
_FIRST = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442")
_GOLDEN = 0.61803398875
_TONES = ((0.62, 0.72), (0.45, 0.9), (0.85, 0.5))


def colour(cluster: int) -> str:
    """Colour of a persistent cluster id as #rrggbb; grey for -1 (unassigned)."""
    if cluster < 0:
        return "#9aa0a6"
    if cluster < len(_FIRST):
        return _FIRST[cluster]
    saturation, value = _TONES[cluster % len(_TONES)]
    red, green, blue = colorsys.hsv_to_rgb(cluster * _GOLDEN % 1, saturation, value)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def colours(clusters: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Colours of ids, uint8 (n, 3), RGB."""
    return np.array([list(bytes.fromhex(colour(int(cluster))[1:])) for cluster in clusters], np.uint8).reshape(-1, 3)
