from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from tessera.demo.synthetic import draw_texture
from tessera.tiles.augment.view import Augment, View, apply_stain, draw_box, draw_stain, turn

Image = npt.NDArray[np.uint8]
N = 400


@pytest.fixture(scope="module")
def tile() -> Image:
    return np.ascontiguousarray(draw_texture("tumour", np.random.default_rng(0), 256)[:224, :224])


def place(height: int, width: int) -> Image:
    """Every pixel says where it is: red its column, green its row."""
    y, x = np.mgrid[0:height, 0:width]
    return np.dstack([x, y, np.zeros_like(x)]).astype(np.uint8)


def test_the_same_seed_gives_the_same_pixels_and_another_others(tile: Image) -> None:
    views = Augment(96, 0.3, 0.05)
    one, same, other = (views(tile, np.random.default_rng((7, i))) for i in (0, 0, 1))
    assert one.shape == (96, 96, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)
    assert (one != other).mean() > 0.5


def test_the_tile_itself_is_left_alone(tile: Image) -> None:
    before = tile.copy()
    for i in range(20):
        Augment(224, 1.0, 0.2)(tile, np.random.default_rng(i))
    np.testing.assert_array_equal(tile, before)


def test_turns_are_the_eight_symmetries_each_equally_often() -> None:
    small = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    seen = {np.ascontiguousarray(turn(small, i)).tobytes() for i in range(8)}
    assert len(seen) == 8
    expected = {
        np.ascontiguousarray(np.rot90(flipped, k)).tobytes() for flipped in (small, small[:, ::-1]) for k in range(4)
    }
    assert seen == expected
    corners = np.zeros((64, 64, 3), np.uint8)
    corners[:32, :32] = 200  # which corner, and
    corners[:32, 32:] = 100  # which way round
    counts: Counter[tuple[int, ...]] = Counter()
    for i in range(N):
        view = Augment(64, 1.0, 0)(corners, np.random.default_rng(i))[..., 0]
        counts[
            tuple(
                round(float(q.mean()) / 100)
                for q in (view[4:24, 4:24], view[4:24, 40:60], view[40:60, 4:24], view[40:60, 40:60])
            )
        ] += 1
    assert len(counts) == 8
    assert min(counts.values()) > N / 8 * 0.55


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.8, 1.0])
def test_crops_keep_at_least_their_share_are_nearly_square_and_go_everywhere(scale: float) -> None:
    picture = place(240, 240)
    areas, ratios, lefts = [], [], []
    for i in range(N):
        top, left, height, width = draw_box(240, 240, scale, np.random.default_rng(i))
        view = Augment(240, scale, 0).show(picture, View((top, left, height, width), 0, None, 0, 0)).astype(int)
        assert (view[..., 0].min(), view[..., 0].max()) == (left, left + width - 1)
        assert (view[..., 1].min(), view[..., 1].max()) == (top, top + height - 1)
        areas.append(width * height / 240**2)
        ratios.append(width / height)
        lefts.append(left / max(240 - width, 1))
    assert min(areas) >= scale * 0.98  # whole pixels
    assert max(areas) <= 1
    assert 0.88 < min(ratios) <= max(ratios) < 1.13
    if scale < 1:
        assert np.mean(areas) == pytest.approx((1 + scale) / 2, abs=0.04)
        assert min(areas) < scale + 0.05
        assert (min(lefts), max(lefts)) == (pytest.approx(0, abs=0.06), pytest.approx(1, abs=0.06))


def test_stain_jitter_spreads_about_the_tile_and_leaves_glass_white(tile: Image) -> None:
    means = np.array(
        [apply_stain(tile, draw_stain(0.05, np.random.default_rng(i))).mean(axis=(0, 1)) for i in range(N)]
    )
    np.testing.assert_allclose(means.mean(axis=0), tile.mean(axis=(0, 1)), atol=2.5)
    assert (means.std(axis=0) > 1).all()
    assert (means.std(axis=0) < 15).all()
    glass = np.full((32, 32, 3), 255, np.uint8)
    shades = [apply_stain(glass, draw_stain(0.05, np.random.default_rng(i))).mean() for i in range(50)]
    assert min(shades) > 235


def test_stain_jitter_is_the_formula_of_the_paper(tile: Image) -> None:
    """Against scikit-image's own separation: log densities, scaled and shifted per stain, put back."""
    from skimage.color import hed_from_rgb, rgb_from_hed

    found = apply_stain(tile, draw_stain(0.1, np.random.default_rng(3))).astype(float)
    rng = np.random.default_rng(3)
    alpha, beta = rng.uniform(0.9, 1.1, 3), rng.uniform(-0.1, 0.1, 3)
    density = -np.log(np.maximum(tile, 1) / 255) @ hed_from_rgb
    expected = 255 * np.exp(-np.maximum((density * alpha + beta) @ rgb_from_hed, 0))
    assert np.abs(found - expected).max() < 2


def test_jitter_off_changes_no_colour() -> None:
    flat = np.full((64, 64, 3), (180, 120, 160), np.uint8)
    for i in range(30):
        view = Augment(64, 0.5, 0)(flat, np.random.default_rng(i)).astype(int)
        assert np.abs(view - (180, 120, 160)).max() <= 4  # blur and codec only
