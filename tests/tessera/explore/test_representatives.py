from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering, open_clustering
from tessera.explore.representatives import pick
from tessera.explore.sheet import contact_sheet
from tessera.tiles.store import TileIndex

from tests.tessera.planted import RUN, Planted


@pytest.fixture(scope="module")
def real(planted_once: Planted) -> Clustering:
    return open_clustering(planted_once.workspace, RUN)


def one_cluster(
    clustering: Clustering, distances: npt.NDArray[np.floating], slides: npt.NDArray[np.integer]
) -> Clustering:
    """A view whose tiles all belong to cluster 5, at chosen distances on chosen slides."""
    n = len(distances)
    zeros = np.zeros(n, np.int32)
    index = TileIndex(slides.astype(np.int32), zeros, zeros, zeros, zeros.astype(np.int16))
    return dataclasses.replace(
        clustering,
        labels=np.full(n, 5, np.int32),
        distances=distances.astype(np.float16),
        ids=np.array([5], np.int32),
        sizes=np.array([n]),
        index=index,
    )


def test_rows_come_from_the_first_the_middle_and_the_last_fifth(real: Clustering) -> None:
    distances = np.random.default_rng(0).permutation(200) / 100
    clustering = one_cluster(real, distances, np.zeros(200))
    rank = np.argsort(np.argsort(clustering.distances, kind="stable"))
    rows = pick(clustering, 5)
    assert [len(rows.typical), len(rows.middle), len(rows.edge)] == [12, 12, 12]
    assert set(rank[rows.typical]) == set(range(12))
    assert set(rank[rows.middle]) <= set(range(80, 120))
    assert set(rank[rows.edge]) == set(range(188, 200))
    for row in (rows.typical, rows.middle, rows.edge):
        assert (np.diff(rank[row]) > 0).all()  # nearest first


def test_each_row_takes_from_as_many_slides_as_it_can(real: Clustering) -> None:
    """Slide 0 has the 30 nearest of each fifth; the other slides come after it and still have their turn."""
    slides = np.tile(np.r_[np.zeros(30), np.arange(1, 11)], 5)
    clustering = one_cluster(real, np.arange(200) / 100, slides)
    rows = pick(clustering, 5)
    assert set(slides[rows.typical]) == set(range(11))
    assert set(slides[rows.edge]) == set(range(11))
    assert rows.typical[0] == 0  # the very nearest is always shown
    assert rows.edge[-1] == 199  # and so is the farthest


def test_the_same_tiles_each_time_also_among_equal_distances(real: Clustering) -> None:
    clustering = one_cluster(real, np.ones(300), np.arange(300) % 7)
    one, again = pick(clustering, 5), pick(clustering, 5)
    for row in ("typical", "middle", "edge"):
        np.testing.assert_array_equal(getattr(one, row), getattr(again, row))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 20, 59, 60])
def test_a_small_cluster_shows_each_tile_at_most_once(real: Clustering, n: int) -> None:
    rows = pick(one_cluster(real, np.linspace(0, 1, n), np.arange(n) % 3), 5)
    shown = np.concatenate([rows.typical, rows.middle, rows.edge])
    assert len(shown) == len(set(shown.tolist()))
    assert len(shown) == min(n, 36)
    assert (np.diff(np.concatenate([rows.typical, rows.middle, rows.edge])) > 0).all()


def test_real_clusters_show_their_own_tiles(real: Clustering, planted_once: Planted) -> None:
    for cluster in real.ids:
        rows = pick(real, int(cluster), 4)
        shown = np.concatenate([rows.typical, rows.middle, rows.edge])
        assert set(planted_once.labels[2][shown]) == {int(cluster)}


def test_a_contact_sheet_holds_the_typical_tiles_side_by_side(real: Clustering) -> None:
    cluster = int(real.ids[0])
    sheet = simplejpeg.decode_jpeg(contact_sheet(real, cluster, 3, 48)).astype(int)
    assert sheet.shape == (48, 144, 3)
    for i, tile in enumerate(pick(real, cluster, 3).typical):
        full = simplejpeg.decode_jpeg(real.store.batch(np.array([tile]))[0])
        small = cv2.resize(full, (48, 48), interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(sheet[:, i * 48 : (i + 1) * 48] - small).mean() < 8


def test_a_contact_sheet_of_few_tiles_is_white_beyond_them(real: Clustering) -> None:
    labels = np.where(np.arange(len(real.labels)) == 4, 5, -1).astype(np.int32)
    alone = dataclasses.replace(real, labels=labels, ids=np.array([5], np.int32))
    sheet = simplejpeg.decode_jpeg(contact_sheet(alone, 5, 4, 32))
    assert sheet[:, :32].mean() < 250
    assert sheet[:, 40:].min() > 245


def test_a_contact_sheet_of_no_cluster_is_refused(real: Clustering) -> None:
    with pytest.raises(TesseraError, match="no cluster 1 at"):
        contact_sheet(real, 1)
