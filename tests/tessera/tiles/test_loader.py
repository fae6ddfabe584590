from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
import torch
from tessera.errors import StoreError
from tessera.learn.features.device_views import make_views
from tessera.tiles import loader as loader_module
from tessera.tiles.augment.view import Augment
from tessera.tiles.loader import Batch, TileLoader
from tessera.tiles.store import TileStore, record_batch

N, BROKEN = 60, 17
VIEWS = Augment(32, 0.3, 0.05)


def picture(i: int) -> npt.NDArray[np.uint8]:
    small = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (64, 64), interpolation=cv2.INTER_LINEAR), np.uint8)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TileStore:
    """60 tiles; one of them lost its bytes after its header, as a bad disk does."""
    found = TileStore(tmp_path_factory.mktemp("store") / "tiles.lance")
    jpegs = [simplejpeg.encode_jpeg(picture(i), quality=95) for i in range(N)]
    jpegs[BROKEN] = jpegs[BROKEN][:40]
    found.append([record_batch(0, 1, ((i, 0, 64, -1, "", jpeg) for i, jpeg in enumerate(jpegs)))])
    return found


@pytest.fixture
def loader(store: TileStore) -> Iterator[TileLoader]:
    made = TileLoader(store, 32, threads=2)
    yield made
    made.close()


def whole(batches: list[Batch]) -> list[tuple[list[int], bytes, int]]:
    return [(batch.ids.tolist(), batch.images.tobytes(), batch.n_broken) for batch in batches]


def test_a_tensor_of_a_batch_keeps_its_memory_while_later_batches_come(loader: TileLoader) -> None:
    tensors, addresses = [], []
    for batch in loader.plain(np.arange(N) % 4, 2):  # the same four tiles again and again
        addresses.append(batch.images.ctypes.data)
        tensors = [*tensors[:2], torch.from_numpy(batch.images)]  # the first two are kept, the others let go
        del batch
    assert len(set(addresses)) < len(addresses) / 2  # memory of those let go is used again
    expected = list(loader.plain(np.arange(4), 2))
    for tensor, batch in zip(tensors, expected, strict=False):
        np.testing.assert_array_equal(tensor.numpy(), batch.images)


def test_plain_tiles_come_in_the_order_asked_for_as_they_are(loader: TileLoader, store: TileStore) -> None:
    ids = np.array([5, 3, 59, 3, 0])
    batches = list(loader.plain(ids, 2))
    assert [batch.ids.tolist() for batch in batches] == [[5, 3], [59, 3], [0]]
    images = np.concatenate([batch.images for batch in batches])
    assert images.shape == (5, 3, 32, 32)
    for tile, image in zip(ids, images, strict=True):
        expected = cv2.resize(picture(int(tile)), (32, 32), interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(image.transpose(1, 2, 0) - expected).mean() < 5


@pytest.mark.parametrize("threads", [1, 3])
def test_neither_threads_nor_a_later_start_change_a_view(store: TileStore, loader: TileLoader, threads: int) -> None:
    ids = np.random.default_rng(0).integers(0, N, 50)
    reference = whole(list(loader.augmented(ids, 8, VIEWS, seed=(1, 2))))
    other = TileLoader(store, 32, threads=threads)
    assert whole(list(other.augmented(ids, 8, VIEWS, seed=(1, 2)))) == reference
    assert whole(list(other.augmented(ids, 8, VIEWS, seed=(1, 2), start_batch=4))) == reference[4:]
    assert whole(list(other.augmented(ids, 8, VIEWS, seed=(1, 3)))) != reference
    other.close()


def test_a_tile_that_comes_twice_is_seen_twice_differently(loader: TileLoader) -> None:
    (batch,) = loader.augmented(np.array([4, 4, 4, 4]), 4, VIEWS, seed=(0,))
    assert len({image.tobytes() for image in batch.images}) == 4


def test_a_tile_that_no_longer_decodes_is_left_out_counted_and_named(
    loader: TileLoader, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        first, second = loader.plain(np.array([16, 17, 18, 19]), 2)
    assert (first.ids.tolist(), first.n_broken, first.images.shape[0]) == ([16], 1, 1)
    assert (second.ids.tolist(), second.n_broken) == ([18, 19], 0)
    assert "tile 17 does not decode" in caplog.text
    (alone,) = loader.augmented(np.array([17]), 4, VIEWS, seed=(0,))
    assert (len(alone.ids), alone.n_broken) == (0, 1)
    assert alone.images.shape == (0, 3, 32, 32)


def test_other_tiles_keep_their_views_when_one_breaks(loader: TileLoader) -> None:
    (batch,) = loader.augmented(np.array([1, BROKEN, 2]), 3, VIEWS, seed=(9,))
    (without,) = loader.augmented(np.array([1, 3, 2]), 3, VIEWS, seed=(9,))
    np.testing.assert_array_equal(batch.images, without.images[[0, 2]])


def test_small_tiles_are_enlarged(store: TileStore) -> None:
    large = TileLoader(store, 160, threads=1)
    (batch,) = large.plain(np.array([0, 1]), 2)
    assert (batch.images.shape, batch.n_broken) == ((2, 3, 160, 160), 0)
    large.close()


def test_no_tiles_no_batches(loader: TileLoader) -> None:
    assert list(loader.plain(np.array([], np.int64), 4)) == []
    assert list(loader.augmented(np.arange(4), 4, VIEWS, seed=(0,), start_batch=1)) == []


def test_an_error_of_the_store_reaches_the_caller(loader: TileLoader) -> None:
    with pytest.raises(StoreError, match="tile 60 does not exist"):
        list(loader.plain(np.arange(50, 61), 4))
    assert len(list(loader.plain(np.arange(4), 4))) == 1  # and the loader still works


def test_walking_away_in_the_middle_leaves_no_thread_behind(store: TileStore) -> None:
    before = threading.active_count()
    left = TileLoader(store, 32, threads=3)
    next(iter(left.plain(np.arange(16), 1)))
    left.close()
    assert threading.active_count() == before


def test_reads_stay_a_few_batches_ahead_and_no_more(store: TileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader_module, "_READ", 3)  # less than the four batches in flight
    asked: list[int] = []

    class Counting:
        def batch(self, ids: npt.NDArray[np.int64]) -> list[bytes]:
            asked.extend(ids.tolist())
            return store.batch(ids)

    slow = TileLoader(Counting(), 32, threads=2)
    batches = slow.plain(np.arange(40), 1)
    next(batches)
    assert len(asked) <= 2 * 4 + 4  # the stretch in flight, the next one, and one that was begun
    assert len(list(batches)) == 39
    assert asked == list(range(40))  # each once, in order
    slow.close()


def test_views_left_to_the_device_are_those_that_threads_would_make(loader: TileLoader) -> None:
    ids = np.array([3, BROKEN, 8, 3, 40])
    (left,) = loader.augmented(ids, 5, VIEWS, seed=(4,), crops=2, on_device=True)
    (made,) = loader.augmented(ids, 5, VIEWS, seed=(4,), crops=2)
    assert left.ids.tolist() == made.ids.tolist() == [3, 8, 3, 40]
    assert (left.n_broken, left.images.shape) == (1, (4, 3, 64, 64))  # whole tiles, once each
    assert left.views is not None
    assert made.views is None
    assert len(left.views.boxes) == len(made.images) == 8
    shown = make_views(torch.from_numpy(left.images), left.views, 32).numpy().astype(int)
    assert np.abs(shown - made.images).mean(axis=(1, 2, 3)).max() < 5
    plain = next(iter(loader.plain(ids, 5)))
    assert plain.views is None
