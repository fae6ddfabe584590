"""A colour for every name and for every cluster, the same wherever and whenever it is shown."""

from __future__ import annotations

import colorsys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

# Okabe & Ito (2008) without black and grey, told apart by colour-blind readers; then golden-angle hues in three tones.
_FIRST = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442")
_GOLDEN = 0.61803398875
_TONES = ((0.62, 0.72), (0.45, 0.9), (0.85, 0.5))

# For names, in order of first use. Found by search; smallest CIEDE2000 of any pair 21 (normal vision), 13
# (deuteranopia) and
# 12 (protanopia, both simulated after Machado et al. 2009); no pair with one of the two greys below 10.
NAME_COLOURS = (
    "#e8c506",
    "#3971f8",
    "#219271",
    "#3de2dd",
    "#783302",
    "#b84ea3",
    "#d19254",
    "#39b5ff",
    "#807718",
    "#523687",
    "#fca0a6",
    "#833447",
)
UNNAMED, ARTEFACT = "#89919f", "#5b6270"

Pattern = Literal["plain", "hatched", "dotted", "cross", "none"]
_PATTERNS: tuple[Pattern, ...] = ("plain", "hatched", "dotted")


@dataclass(frozen=True)
class Paint:
    """How a name is shown: two names of one colour differ in pattern, and where patterns repeat, in their label only.

    Attributes:
        colour: #rrggbb.
        pattern: plain, hatched (squares on a map) or dotted (triangles) for names; cross for artefacts; none for what
            has no name yet.
    """

    colour: str
    pattern: Pattern


def paint_names(names: Iterable[str], artefacts: Collection[str] = ()) -> dict[str, Paint]:
    """A paint for each name.

    Args:
        names: in order of first use, so that a name keeps its paint when others are added.
        artefacts: names that only artefacts bear; they are grey crosses and use up no colour.
    """
    paints: dict[str, Paint] = {}
    used = 0
    for name in names:
        if name in paints:
            continue
        if name in artefacts:
            paints[name] = Paint(ARTEFACT, "cross")
            continue
        rounds, place = divmod(used, len(NAME_COLOURS))
        paints[name] = Paint(NAME_COLOURS[place], _PATTERNS[rounds % len(_PATTERNS)])
        used += 1
    return paints


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
