from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from tessera.demo.synthetic import CLASSES, GLASS, draw_slide, draw_texture
from tessera.slides.reader import Slide
from tessera.slides.tissue import tissue_mask

Image = npt.NDArray[np.uint8]
SHAPE = (480, 640)

# outlines drawn by eye on the thumbnails, in shares of width and height
OUTLINES = {
    "her2st_C3.tif": [(0.066, 0.306), (0.671, 0.110), (0.714, 0.459), (0.485, 0.571)],
    "her2st_C2.tif": [(0.202, 0.628), (0.763, 0.339), (0.857, 0.663), (0.661, 0.821)],
}


def glass(colour: tuple[int, int, int] = (243, 243, 243), grain: float = 1.0, slope: float = 0.0) -> Image:
    rng = np.random.default_rng(0)
    ramp = np.linspace(-slope, slope, SHAPE[1])[None, :, None]
    return np.clip(np.array(colour) + ramp + rng.normal(0, grain, (*SHAPE, 3)), 0, 255).astype(np.uint8)


@lru_cache
def overview(kind: str) -> Image:
    """Tissue at an eighth of its size, as thumbnails show it."""
    drawn = draw_texture(kind, np.random.default_rng(1), 1024)
    small = cv2.resize(drawn, (128, 128), interpolation=cv2.INTER_AREA)
    return np.tile(small, (4, 5, 1))[: SHAPE[0]]


def with_blob(picture: Image, kind: str = "tumour") -> tuple[Image, npt.NDArray[np.bool_]]:
    tissue = overview(kind)
    inside = np.zeros(SHAPE, np.uint8)
    cv2.ellipse(inside, (320, 240), (200, 140), 20, 0, 360, 1, -1)
    return np.where(inside[..., None] == 1, tissue, picture).astype(np.uint8), inside == 1


def overlap(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    "picture",
    [
        glass(),
        glass((255, 255, 255), 0),
        glass((230, 230, 228), 2),
        glass((240, 215, 230), 1.5),
        glass((238, 235, 215), 1.5),
        glass(slope=10),
        glass((240, 222, 235), 1.5, slope=8),
        glass((205, 205, 205)),
    ],
    ids=["plain", "pure", "grey", "pink", "yellow", "shaded", "pink-shaded", "dim"],
)
def test_glass_alone_has_no_tissue_and_does_not_hide_any(picture: Image) -> None:
    assert tissue_mask(picture).mean() < 0.002
    tissue, inside = with_blob(picture)
    assert overlap(tissue_mask(tissue), inside) > 0.9


def test_dust_is_no_tissue() -> None:
    picture = glass()
    for x, y in np.random.default_rng(0).integers(10, 400, (40, 2)).tolist():
        cv2.circle(picture, (x, y), 2, (120, 110, 100), -1)
    assert tissue_mask(picture).mean() < 0.01


@pytest.mark.parametrize("kind", CLASSES)
def test_every_texture_is_found(kind: str) -> None:
    picture, inside = with_blob(glass(), kind)
    assert overlap(tissue_mask(picture), inside) > 0.85


def test_a_slide_that_is_all_tissue_keeps_all() -> None:
    parts = [overview(kind)[:, :213] for kind in ("tumour", "stroma", "lymphocytes")]
    assert tissue_mask(np.hstack(parts)).mean() > 0.95


def test_all_tissue_of_real_slides(shared_data: Path) -> None:
    for name, (x, y) in {"her2st_C3.tif": (0.35, 0.25), "TCGA-CR-7395-01A-01-TS1.svs": (0.25, 0.4)}.items():
        with Slide(shared_data / "slides" / name) as slide:
            picture = slide.thumbnail()
        top, left = int(y * picture.shape[0]), int(x * picture.shape[1])
        assert tissue_mask(np.ascontiguousarray(picture[top : top + 90, left : left + 90])).mean() > 0.95


@pytest.mark.parametrize("name", OUTLINES)
def test_real_sections_on_white_and_on_pink_ground(shared_data: Path, name: str) -> None:
    with Slide(shared_data / "slides" / name) as slide:
        picture = slide.thumbnail()
    height, width = picture.shape[:2]
    drawn = np.zeros((height, width), np.uint8)
    cv2.fillPoly(drawn, [np.round(np.array(OUTLINES[name]) * (width, height)).astype(np.int32)], 1)
    mask = tissue_mask(picture)
    assert overlap(mask, drawn == 1) > 0.88
    if name == "her2st_C3.tif":
        assert not mask[int(0.56 * height) : int(0.58 * height), int(0.22 * width) : int(0.25 * width)].any()  # smudge
        assert not mask[int(0.4 * height) : int(0.6 * height), int(0.8 * width) :].any()  # pink glow
        assert mask[int(0.66 * height) :].mean() < 0.002  # the dots of the array


def test_the_mask_agrees_with_the_known_map_of_a_drawn_slide(tmp_path: Path) -> None:
    drawn = draw_slide(tmp_path / "s.svs", seed=4, width=2048, height=1536)
    with Slide(drawn.path) as slide:
        mask = tissue_mask(slide.thumbnail())
    truth = cv2.resize((drawn.class_map != GLASS).astype(np.uint8), mask.shape[::-1], interpolation=cv2.INTER_AREA) == 1
    assert overlap(mask, truth) > 0.93


def test_ink_on_glass_hides_no_tissue() -> None:
    picture = glass()
    cv2.line(picture, (20, 20), (620, 60), (40, 80, 190), 12)
    cv2.line(picture, (20, 460), (620, 440), (20, 20, 22), 12)
    tissue, inside = with_blob(picture)
    mask = tissue_mask(tissue)
    assert (mask & inside).sum() / inside.sum() > 0.95  # what is inked is dropped tile by tile, see quality


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (7, 7)])
def test_tiny_pictures_do_not_raise(shape: tuple[int, int]) -> None:
    assert tissue_mask(np.full((*shape, 3), 240, np.uint8)).shape == shape
