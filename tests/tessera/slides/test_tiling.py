from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tessera.slides.tiling import choose_capped, plan_grid, tissue_share

MPPS = st.sampled_from([0.1, 0.2, 0.25, 0.2527, 0.3, 0.4999, 0.5, 0.69, 1.0, 1.1])


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 30_000),
    height=st.integers(1, 5_000),
    mpp=MPPS,
    wanted=MPPS,
    tile_px=st.integers(16, 512),
    part=st.floats(0, 0.9),
)
def test_the_grid_covers_all_that_whole_tiles_can_and_nothing_outside(
    width: int, height: int, mpp: float, wanted: float, tile_px: int, part: float
) -> None:
    overlap = int(part * tile_px)
    grid = plan_grid(width, height, scale=wanted / mpp, tile_px=tile_px, overlap_px=overlap)
    for extent, count, place in ((width, grid.columns, grid.x0), (height, grid.rows, grid.y0)):
        if extent < grid.side0:
            assert count == 0
            continue
        places = [place(i) for i in range(count)]
        assert places[0] == 0
        assert places[-1] + grid.side0 <= extent
        assert extent - (places[-1] + grid.side0) < grid.step0 + 0.5  # no further one would fit
        steps = np.diff(places)
        assert not len(steps) or steps.max() - steps.min() <= 1
        assert not len(steps) or steps.min() >= round(grid.step0) - 1


@pytest.mark.parametrize(("mpp", "wanted"), [(0.1, 1.1), (0.1, 0.3), (0.25, 0.5), (0.2, 1.0), (0.7, 2.1), (0.3, 0.9)])
@pytest.mark.parametrize("count", [3, 7, 10, 49])
def test_a_slide_of_whole_tiles_gives_all_of_them(mpp: float, wanted: float, count: int) -> None:
    side = round(100 * wanted / mpp)
    grid = plan_grid(side * count, side, scale=wanted / mpp, tile_px=100, overlap_px=0)
    assert (grid.rows, grid.columns) == (1, count)


def test_overlap_shortens_the_step_not_the_tile() -> None:
    plain = plan_grid(10_000, 10_000, scale=2, tile_px=200, overlap_px=0)
    half = plan_grid(10_000, 10_000, scale=2, tile_px=200, overlap_px=100)
    assert (plain.side0, plain.step0, plain.columns) == (400, 400, 25)
    assert (half.side0, half.step0, half.columns) == (400, 200, 49)
    assert [half.x0(i) for i in range(3)] == [0, 200, 400]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), h=st.integers(3, 60), w=st.integers(3, 60), step=st.integers(16, 90), side=st.integers(16, 90))
def test_tissue_share_equals_counting(data: st.DataObject, h: int, w: int, step: int, side: int) -> None:
    mask = np.random.default_rng(data.draw(st.integers(0, 99))).random((h, w)) < 0.5
    width, height = w * 16, h * 16
    grid = plan_grid(width, height, scale=1, tile_px=side, overlap_px=max(0, side - step))
    share = tissue_share(grid, mask, width, height)
    assert share.shape == (grid.rows, grid.columns)
    for row in range(grid.rows):
        for column in range(grid.columns):
            y, x = grid.y0(row) / 16, grid.x0(column) / 16
            part = mask[
                int(y) : max(int(y) + 1, round(y + grid.side0 / 16)),
                int(x) : max(int(x) + 1, round(x + grid.side0 / 16)),
            ]
            assert share[row, column] == pytest.approx(part.mean(), abs=1e-6)


def test_a_slide_smaller_than_a_tile_has_no_grid() -> None:
    grid = plan_grid(100, 500, scale=1, tile_px=224, overlap_px=0)
    assert tissue_share(grid, np.ones((10, 10), bool), 100, 500).shape == (grid.rows, 0)


@settings(max_examples=100, deadline=None)
@given(n=st.integers(1, 400), cap=st.integers(1, 450), more=st.integers(0, 50), seed=st.integers(0, 5))
def test_a_cap_chooses_the_same_each_time_and_a_larger_one_adds(n: int, cap: int, more: int, seed: int) -> None:
    positions = np.sort(np.random.default_rng(seed).choice(10_000, n, replace=False))
    sha256 = hashlib.sha256(bytes([seed])).hexdigest()
    chosen = choose_capped(positions, cap, sha256)
    assert len(chosen) == min(n, cap)
    assert set(chosen) <= set(positions)
    np.testing.assert_array_equal(chosen, np.sort(chosen))
    np.testing.assert_array_equal(chosen, choose_capped(positions, cap, sha256))
    np.testing.assert_array_equal(chosen, np.sort(choose_capped(positions[::-1].copy(), cap, sha256)))
    assert set(chosen) <= set(choose_capped(positions, cap + more, sha256))


def test_the_choice_is_spread_and_differs_by_slide() -> None:
    positions = np.arange(10_000)
    one, other = (choose_capped(positions, 1000, hashlib.sha256(name).hexdigest()) for name in (b"a", b"b"))
    assert len(np.intersect1d(one, other)) < 200  # 100 expected
    counts = np.histogram(one, bins=10, range=(0, 10_000))[0]
    assert counts.min() > 60
    np.testing.assert_array_equal(choose_capped(positions, 0, "x"), positions)


def test_the_choice_is_the_same_for_ever() -> None:
    """Written down once: another choice would make workspaces of two Tesseras incomparable."""
    assert choose_capped(np.arange(1000), 6, "0" * 64).tolist() == [187, 458, 540, 758, 860, 965]
