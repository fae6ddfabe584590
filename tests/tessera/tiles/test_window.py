from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import pytest
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileStore
from tessera.tiles.window import in_windows

from tests.tessera.tiles.test_loader import VIEWS, N, store, whole  # noqa: F401 - store is a fixture

WINDOW = 16


class Disk:
    """A store that notes what is asked of it."""

    def __init__(self, tiles: TileStore) -> None:
        self._tiles, self._lock = tiles, threading.Lock()
        self.asked: list[list[int]] = []

    def batch(self, ids: np.ndarray) -> list[bytes]:
        with self._lock:
            self.asked.append(ids.tolist())
        return self._tiles.batch(ids)


def drawn() -> np.ndarray:
    return np.random.default_rng(3).integers(0, N, 150)


def test_the_same_tiles_window_by_window() -> None:
    ids = drawn()
    rests = set()
    for seed in range(8):
        ordered = in_windows(ids, WINDOW, np.random.default_rng(seed))
        assert sorted(ordered) == sorted(ids)
        assert ordered[:WINDOW].tolist() != sorted(ordered[:WINDOW])
        spans = [(part.min(), part.max()) for part in np.split(ordered, range(WINDOW, len(ids), WINDOW))]
        rests.add(spans[-1])
        spans.sort()
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))  # none overlap
    assert len(rests) > 2  # no tile is always the last
    assert in_windows(ids[:0], WINDOW, np.random.default_rng(0)).tolist() == []
    assert sorted(in_windows(ids[:3], WINDOW, np.random.default_rng(0))) == sorted(ids[:3])


@pytest.mark.parametrize(("rank", "world"), [(0, 1), (1, 3)])
@pytest.mark.parametrize("start_batch", [0, 5])
def test_batches_are_those_of_the_plain_way_and_each_window_is_read_once_as_it_lies(
    store: TileStore,  # noqa: F811
    rank: int,
    world: int,
    start_batch: int,
) -> None:
    ids = in_windows(drawn(), WINDOW, np.random.default_rng(0))
    settings: dict[str, Any] = {"seed": (7, 1), "start_batch": start_batch}
    disk, batches = Disk(store), []
    for source, window in ((store, 0), (disk, WINDOW)):
        loader = TileLoader(source, 32, threads=3, share=(rank, world))
        batches.append(whole(list(loader.augmented(ids, 12, VIEWS, **settings, window=window))))
        loader.close()
    assert batches[0] == batches[1]
    assert all(asked == sorted(set(asked)) for asked in disk.asked)
    assert len(disk.asked) <= -(-len(ids) // WINDOW)
    assert sum(map(len, disk.asked)) <= -(-len(ids) // world) + world


def test_a_pass_that_is_left_early_lets_go(store: TileStore) -> None:  # noqa: F811
    before = threading.active_count()
    loader = TileLoader(store, 32, threads=2)
    batches = loader.augmented(
        in_windows(drawn(), WINDOW, np.random.default_rng(0)), 12, VIEWS, seed=(1,), window=WINDOW
    )
    next(batches)
    batches.close()
    loader.close()
    assert threading.active_count() <= before


def test_a_store_that_cannot_be_read_is_heard_of(store: TileStore) -> None:  # noqa: F811
    class Torn(Disk):
        def batch(self, ids: np.ndarray) -> list[bytes]:  # noqa: ARG002 - the store's
            raise OSError("Input/output error")

    loader = TileLoader(Torn(store), 32, threads=2)
    with pytest.raises(OSError, match="Input/output error"):
        list(loader.augmented(drawn(), 12, VIEWS, seed=(1,), window=WINDOW))
    loader.close()
