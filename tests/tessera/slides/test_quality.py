from __future__ import annotations

import csv
from collections import Counter
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from tessera.config import IngestConfig
from tessera.demo.synthetic import CLASSES, draw_texture
from tessera.slides.quality import Limits, Reason, judge, sharpness, white_share

Image = npt.NDArray[np.uint8]
DEFAULT = IngestConfig()
LIMITS = Limits(DEFAULT.max_white, DEFAULT.min_sharpness, DEFAULT.max_pen)
GLASS = 243
INKS = {"blue": (40, 80, 190), "light blue": (70, 120, 200), "green": (30, 130, 80), "black": (22, 20, 24)}


@lru_cache
def drawn(kind: str) -> Image:
    return draw_texture(kind, np.random.default_rng(0), 256)


def texture(kind: str, side: int = 224) -> Image:
    return drawn(kind)[:side, :side].copy()


def with_glass(tile: Image, share: float) -> Image:
    tile = tile.copy()
    tile[: round(share * len(tile))] = GLASS
    return tile


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("side", [128, 224, 256])
def test_tissue_in_focus_is_kept(kind: str, side: int) -> None:
    assert judge(texture(kind, side=side), LIMITS) is Reason.KEPT


@pytest.mark.parametrize(("share", "reason"), [(0.7, Reason.KEPT), (0.9, Reason.WHITE), (1.0, Reason.WHITE)])
def test_glass(share: float, reason: Reason) -> None:
    tile = with_glass(texture("tumour"), share)
    assert white_share(tile.astype(np.int16)) == pytest.approx(share, abs=0.02)
    assert judge(tile, LIMITS) is reason


@pytest.mark.parametrize("kind", CLASSES)
def test_sharpness_falls_with_every_step_out_of_focus(kind: str) -> None:
    tile = texture(kind)
    steps = [sharpness(tile)] + [
        sharpness(np.asarray(cv2.GaussianBlur(tile, (0, 0), s), np.uint8)) for s in (1, 2, 4, 8)
    ]
    assert steps == sorted(steps, reverse=True)
    assert judge(np.asarray(cv2.GaussianBlur(tile, (0, 0), 8), np.uint8), LIMITS) is Reason.BLUR


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("under", ["tumour", "lymphocytes", "glass"])
def test_a_stroke_over_a_third_of_a_tile_is_a_pen_mark(ink: str, under: str) -> None:
    tile = np.full((224, 224, 3), GLASS, np.uint8) if under == "glass" else texture(under)
    tile[40:124] = INKS[ink]
    noisy = tile + np.random.default_rng(0).normal(0, 6, tile.shape)
    assert judge(np.clip(noisy, 0, 255).astype(np.uint8), LIMITS) is Reason.PEN


def test_a_thin_line_is_no_pen_mark() -> None:
    tile = texture("tumour")
    tile[100:106] = INKS["black"]
    assert judge(tile, LIMITS) is Reason.KEPT


@pytest.mark.parametrize(("shade", "between"), [((24, 14, 30), (150, 90, 120)), ((80, 60, 210), (190, 150, 235))])
def test_nuclei_dark_as_ink_or_blue_as_ink_are_tissue(shade: tuple[int, ...], between: tuple[int, ...]) -> None:
    tile = np.full((224, 224, 3), between, np.uint8)
    for x, y in np.random.default_rng(0).integers(0, 224, (420, 2)).tolist():
        cv2.circle(tile, (x, y), 5, shade, -1, cv2.LINE_AA)
    assert (np.abs(tile.astype(int) - shade).sum(axis=-1) < 30).mean() > 0.3
    assert judge(tile, LIMITS) is Reason.KEPT


@pytest.mark.parametrize("tile_set", ["lc25000", "colon5"])
def test_real_tissue_of_every_class_is_kept(shared_data: Path, tile_set: str) -> None:
    """lc25000's lungs are the bluest there are here: a test on single pixels took two thirds of them for ink."""
    folder = shared_data / "tiles" / tile_set
    with (folder / "labels.csv").open() as stream:
        rows = [row for number, row in enumerate(csv.DictReader(stream)) if number % 12 == 0]
    dropped = Counter()
    for row in rows:
        tile = np.asarray(cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR_RGB), np.uint8)
        dropped[row["label"]] += judge(tile, LIMITS) is not Reason.KEPT
    assert len(dropped) == 5
    assert max(dropped.values()) <= 1, dropped


def test_reference_tiles_of_nine_tissues(shared_data: Path) -> None:
    found = {}
    for path in (shared_data / "tiles" / "nct_crc_9").glob("*.tif"):
        found[path.stem[:3]] = judge(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8), LIMITS)
    assert found["BAC"] is Reason.WHITE
    assert {kind for kind, reason in found.items() if reason is Reason.KEPT} >= {
        "ADI",
        "DEB",
        "LYM",
        "MUS",
        "NOR",
        "STR",
        "TUM",
    }


def test_every_reason_has_words_of_its_own() -> None:
    assert len({reason.label for reason in Reason}) == len(Reason) == 7
