"""The colours of names, checked with scikit-image's CIEDE2000 and the matrices of Machado et al. (2009)."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from tessera.explore.palette import ARTEFACT, NAME_COLOURS, UNNAMED, Paint, paint_names

Rgb = npt.NDArray[np.float64]
# of linear sRGB, severity 1.0 (table 1 of the paper)
SEEN = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
LEAST = {"normal": 21, "deuteranopia": 13, "protanopia": 12}


def rgb(colour: str) -> Rgb:
    return np.array(list(bytes.fromhex(colour[1:]))) / 255


def seen(colour: str, eye: str) -> Rgb:
    value = rgb(colour)
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    changed = np.clip(SEEN[eye] @ linear, 0, 1)
    return np.where(changed <= 0.0031308, changed * 12.92, 1.055 * changed ** (1 / 2.4) - 0.055)


def least_difference(colours: tuple[str, ...], eye: str) -> float:
    skimage = pytest.importorskip("skimage.color")
    lab = {colour: skimage.rgb2lab(seen(colour, eye)) for colour in colours}
    return min(float(skimage.deltaE_ciede2000(lab[a], lab[b])) for a, b in combinations(colours, 2))


@pytest.mark.parametrize("eye", SEEN)
def test_twelve_names_can_be_told_apart_by_everybody(eye: str) -> None:
    assert least_difference(NAME_COLOURS, eye) >= LEAST[eye]
    assert least_difference((*NAME_COLOURS, UNNAMED, ARTEFACT), eye) >= 7  # the two greys differ in pattern as well


def test_a_name_keeps_its_paint_and_look_alikes_get_a_pattern() -> None:
    names = [f"name {i}" for i in range(40)]
    few, many = paint_names(names[:5]), paint_names(names)
    assert all(many[name] == paint for name, paint in few.items())
    assert len({(paint.colour, paint.pattern) for paint in list(many.values())[:36]}) == 36
    assert [many[f"name {i}"].pattern for i in (0, 12, 24)] == ["plain", "hatched", "dotted"]


def test_artefacts_use_up_no_colour() -> None:
    paints = paint_names(["fold", "tumour", "pen", "stroma", "tumour"], {"fold", "pen"})
    assert paints["fold"] == paints["pen"] == Paint(ARTEFACT, "cross")
    assert [paints["tumour"].colour, paints["stroma"].colour] == list(NAME_COLOURS[:2])
