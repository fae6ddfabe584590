from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tessera.tiles.sampler import class_weights, draw, tile_weights

SIZES = (1000, 300, 60, 5)
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), SIZES).astype(np.int32))
NO_CAP = 1e9


def histogram(ids: np.ndarray) -> np.ndarray:
    return np.bincount(LABELS[ids], minlength=4)


@pytest.mark.parametrize(
    ("balance", "exponent"), [("natural", 1.0), ("loss-weight", 1.0), ("sqrt", 0.5), ("uniform", 0.0)]
)
def test_clusters_are_drawn_by_their_size_to_the_power_that_the_balance_means(balance: str, exponent: float) -> None:
    n = 4000
    found = histogram(draw(LABELS, n, balance=balance, cap=NO_CAP, rng=np.random.default_rng(1)))
    wanted = np.array(SIZES) ** exponent
    np.testing.assert_allclose(found, n * wanted / wanted.sum(), rtol=0.02, atol=5)


def test_drawing_all_naturally_takes_every_tile_once() -> None:
    ids = draw(LABELS, len(LABELS), balance="natural", cap=10, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(np.sort(ids), np.arange(len(LABELS)))
    assert (np.diff(ids) > 0).mean() < 0.6  # and in random order


def test_the_cap_limits_how_often_a_rare_tile_comes() -> None:
    n = len(LABELS)
    for cap in (1.5, 3.0, 10.0):
        weights = tile_weights(LABELS, "uniform", cap)
        assert weights.max() == pytest.approx(cap)
        times = np.bincount(draw(LABELS, n, balance="uniform", cap=cap, rng=np.random.default_rng(3)), minlength=n)
        assert times.max() <= np.ceil(cap * n / weights.sum())
    uncapped = np.bincount(draw(LABELS, n, balance="uniform", cap=NO_CAP, rng=np.random.default_rng(3)), minlength=n)
    assert uncapped.max() > 60


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(-1, 6), min_size=1, max_size=200),
    n=st.integers(0, 500),
    seed=st.integers(0, 9),
    balance=st.sampled_from(["natural", "sqrt", "uniform"]),
    cap=st.floats(1, 50),
)
def test_every_tile_comes_floor_or_ceil_of_its_share_and_strangers_never(
    labels: list[int], n: int, seed: int, balance: str, cap: float
) -> None:
    array = np.array(labels, np.int32)
    ids = draw(array, n, balance=balance, cap=cap, rng=np.random.default_rng(seed))
    if (array < 0).all():
        assert len(ids) == 0
        return
    assert len(ids) == n
    assert (array[ids] >= 0).all()
    weights = tile_weights(array, balance, cap)
    expected = n * weights / weights.sum()
    times = np.bincount(ids, minlength=len(array))
    assert (times >= np.floor(expected - 1e-6)).all()
    assert (times <= np.ceil(expected + 1e-6)).all()


def test_the_generator_decides_everything() -> None:
    one, same, other = (draw(LABELS, 500, balance="sqrt", cap=5, rng=np.random.default_rng(s)) for s in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_class_weights_make_every_cluster_count_the_same() -> None:
    weights = class_weights(LABELS, 6)
    assert weights[4:].tolist() == [0, 0]
    totals = weights[:4] * np.array(SIZES)
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)
    assert weights[LABELS].mean() == pytest.approx(1, rel=1e-5)
    assert class_weights(np.array([-1, -1]), 2).tolist() == [0, 0]
