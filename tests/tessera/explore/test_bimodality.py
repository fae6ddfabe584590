from __future__ import annotations

import numpy as np
import pytest
from tessera.explore.bimodality import bimodality, two_kinds
from tessera.explore.clustering import open_clustering

from tests.tessera.planted import RUN, Planted

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (RNG.normal(size=20_000), 1 / 3),
        (RNG.uniform(size=20_000), 5 / 9),
        (np.repeat([0.0, 1.0], 10_000), 1.0),
        (RNG.exponential(size=20_000), 5 / 9),  # (2^2 + 1) / 9
    ],
    ids=["one heap", "even", "two points", "one long tail"],
)
def test_the_coefficient_is_that_of_the_distribution(values: np.ndarray, expected: float) -> None:
    assert bimodality(values) == pytest.approx(expected, abs=0.02)
    assert bimodality(-3 * values + 7) == pytest.approx(bimodality(values))


def writable(planted: Planted) -> np.ndarray:
    folder = planted.workspace.run_folder(RUN)
    return folder.open_bank(folder.open_bank().shape)


def spread_out(planted: Planted, cluster: int, second: np.ndarray) -> np.ndarray:
    """Write features: noise, and far away from it the tiles of the cluster for which `second` is true.

    Gives its tiles.
    """
    clustering = open_clustering(planted.workspace, RUN)
    members = clustering.members(cluster)
    bank = writable(planted)
    rng = np.random.default_rng(1)
    bank[:] = rng.normal(0, 0.1, bank.shape)
    bank[members[second[: len(members)]], 2] += 3
    bank.flush()
    return members


def test_two_heaps_are_seen_and_told_apart(planted: Planted) -> None:
    second = np.arange(1000) % 3 == 0
    members = spread_out(planted, 0, second)
    found = two_kinds(open_clustering(planted.workspace, RUN), 0)
    assert found is not None
    assert found.likely
    assert found.share == pytest.approx(second[: len(members)].mean())
    far = set(members[second[: len(members)]].tolist())
    assert set(found.sides[1].tolist()) <= far
    assert not set(found.sides[0].tolist()) & far
    assert len(found.sides[0]) == len(found.sides[1]) == 6


def test_one_heap_is_no_reason_to_split(planted: Planted) -> None:
    spread_out(planted, 0, np.zeros(1000, bool))
    found = two_kinds(open_clustering(planted.workspace, RUN), 0)
    assert found is not None
    assert not found.likely


def test_few_tiles_or_equal_ones_say_nothing(planted: Planted) -> None:
    clustering = open_clustering(planted.workspace, RUN)
    small = int(clustering.ids[clustering.sizes.argmin()])
    assert clustering.sizes.min() < 20
    assert two_kinds(clustering, small) is None
    bank = writable(planted)
    bank[:] = 1
    bank.flush()
    assert two_kinds(clustering, 0) is None
