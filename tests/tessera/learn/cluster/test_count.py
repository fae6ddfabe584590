"""The number of clusters: free, guarded against one that swallows the others, and reached from above."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from tessera.config import RunConfig
from tessera.learn.cluster import api
from tessera.learn.cluster.base import Found
from tessera.learn.cluster.count import count, reach
from tessera.learn.cluster.default import default_clusterer

from tests.tessera.learn.cluster.test_clusterers import FINDING, FREE, cluster, sphere_blobs

RNG = np.random.default_rng(0)


def nested_blobs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Six blobs of which four are so close that links run together: what RCC does on middle features of real tiles."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(6), [300, 300, 300, 300, 60, 60]))
    centres = np.zeros((6, 16))
    centres[:4, :4] = np.eye(4) * 2.2
    centres[4, 5], centres[5, 6] = 12, 12
    points = centres[truth] + rng.normal(size=(len(truth), 16)) * 0.8
    return points.astype(np.float32), truth


def test_fewer_clusters_than_there_are_classes_are_not_one_cluster_and_dust() -> None:
    """On b674df0 the largest of five clusters of the same points held 89 % of them (fault 7)."""
    points, truth = nested_blobs()
    for k in (5, 6):
        found = cluster(points, FREE.but({"clustering.count": "target", "clustering.clusters": k}))
        assert len(found.centroids) == k
        assert np.bincount(found.labels).max() / len(points) < 0.6
        assert adjusted_mutual_info_score(truth, found.labels) > 0.6


def test_the_dial_is_turned_until_no_cluster_is_dominant_and_the_words_say_so() -> None:
    points, truth = sphere_blobs(400, 4)
    whole = np.where(truth == 3, 1, 0).astype(np.int32)
    asked: list[float] = []

    def finer(share: float) -> np.ndarray:
        asked.append(share)
        return truth.astype(np.int32) if share < 0.5 else whole

    settled = count(points, Found(whole, finer), None, 5, rng=RNG)
    assert adjusted_rand_score(truth, settled.labels) == 1
    assert asked == sorted(asked, reverse=True)
    assert asked[-2] > 0.5 > asked[-1]  # no further than needed
    assert settled.figures["clusters_found"] == 2
    assert settled.figures["largest_found"] == pytest.approx(0.75)
    assert settled.how.startswith("2 clusters, the largest with 75% of the tiles; the dial turned finer (x 0.4")
    assert settled.how.endswith("4 clusters, the largest with 25% of the tiles")


def test_a_dial_that_only_makes_dust_is_left_alone() -> None:
    points, _ = sphere_blobs(400, 1)
    whole = np.zeros(400, np.int32)

    def dust(share: float) -> np.ndarray:
        return np.arange(400, dtype=np.int32) if share < 0.7 else whole

    settled = count(points, Found(whole, dust), None, 5, rng=RNG)
    assert set(settled.labels) == {0}
    assert "finer" not in settled.how


def test_more_clusters_come_from_the_dial_then_from_cells_and_fewer_from_merging() -> None:
    points, truth = sphere_blobs(400, 4)
    whole, pieces = np.zeros(400, np.int32), (truth * 5 + np.arange(400) % 5).astype(np.int32)

    def finer(share: float) -> np.ndarray:
        return pieces if share < 0.3 else whole

    by_dial, share, words = reach(points, Found(whole, finer), 4, 5, rng=RNG)
    assert adjusted_rand_score(truth, by_dial) == 1
    assert 0.1 < share < 0.3
    assert words.endswith("20 clusters; merged to 4 by Ward")
    by_cells, _, words = reach(points, Found(whole), 4, 5, rng=RNG)
    assert adjusted_rand_score(truth, by_cells) == 1
    assert "k-means cells" in words
    lone = pieces.copy()
    lone[:150] = 20 + np.arange(150)  # single points do not stand for clusters
    assert adjusted_rand_score(truth, reach(points, Found(lone), 4, 5, rng=RNG)[0]) > 0.95
    noisy = np.where(np.arange(400) % 3 == 0, -1, truth).astype(np.int32)
    assert adjusted_rand_score(truth, reach(points, Found(noisy), 4, 5, rng=RNG)[0]) == 1


def test_identical_points_are_one_cluster_whatever_is_asked_for() -> None:
    same, _, words = reach(np.ones((10, 2)), Found(np.zeros(10, np.int32)), 3, 1, rng=RNG)
    assert set(same) == {0}
    assert "identical" in words
    two = np.repeat([[0.0, 1.0], [1.0, 0.0]], 10, axis=0)
    halves, _, words = reach(two, Found(np.zeros(20, np.int32)), 3, 1, rng=RNG)
    assert np.bincount(halves).tolist() == [10, 10]
    assert "only 2 of 3" in words


@pytest.mark.parametrize("name", FINDING)
@pytest.mark.parametrize("tiles", [1, 2, 3, 6])
def test_a_handful_of_tiles(name: str, tiles: int) -> None:
    points, _ = sphere_blobs(tiles, 2)
    for changes in ({}, {"clustering.count": "target", "clustering.clusters": 20}):
        found = cluster(points, FREE.but({"clustering.clusterer": name, **changes}))
        assert len(found.labels) == tiles
        assert 1 <= len(found.centroids) <= tiles
        assert found.how.startswith(name)


@pytest.mark.parametrize("name", FINDING)
def test_more_clusters_than_distinct_tiles(name: str) -> None:
    points = np.repeat(sphere_blobs(8, 4)[0], 30, axis=0)
    found = cluster(
        points, FREE.but({"clustering.clusterer": name, "clustering.count": "target", "clustering.clusters": 20})
    )
    assert 4 <= len(found.centroids) <= 8
    assert len(np.unique(found.labels[::30])) == len(found.centroids)


def test_words_tell_micro_centroids_and_k_means() -> None:
    points, _ = sphere_blobs(2000, 4)
    assert "cells of 2,000 tiles" in cluster(points, FREE.but({"clustering.graph_points": 300})).how
    assert api.cluster(points, RunConfig.of({"clustering.clusters": 4}), RNG).how.startswith("k-means with 4 clusters")


def test_the_default_can_be_asked_for() -> None:
    assert default_clusterer() in api.TABLE
