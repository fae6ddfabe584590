"""Every clusterer by the one protocol; folding, steering, micro-centroids and power iteration by cases made by hand."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from tessera.config import CLUSTERERS, RunConfig
from tessera.errors import ConfigError, RunError
from tessera.learn.cluster import api
from tessera.learn.cluster.base import Memory
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.kmeans import ClusterResult
from tessera.learn.cluster.micro import micro_centroids
from tessera.learn.cluster.pic import pic
from tessera.learn.cluster.rcc.find import HELD
from tessera.learn.cluster.sizes import fold
from tessera.learn.cluster.vectors import class_means
from tessera.learn.cluster.ward import ward

LEIDEN = importlib.util.find_spec("graspologic_native") is not None
FREE = RunConfig.of(
    {"clustering.clusterer": "rcc", "clustering.count": "free"}, method="deepcluster", threads=1, device="cpu"
)
FINDING = [name for name in CLUSTERERS if "kmeans" not in name and (name != "leiden" or LEIDEN)]


def sphere_blobs(n: int, k: int, dim: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around k directions, as a bank has them, float16."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % k)
    points = (rng.normal(size=(k, dim)) * 4)[truth] + rng.normal(size=(n, dim))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16), truth


def cluster(points: np.ndarray, config: RunConfig, memory: Memory | None = None) -> ClusterResult:
    return api.cluster(points, config, np.random.default_rng(0), None, memory)


@pytest.mark.parametrize("count", ["target", "free"])
@pytest.mark.parametrize("name", ["kmeans", "spherical-kmeans", *FINDING])
def test_every_clusterer_gives_a_whole_clustering(name: str, count: str) -> None:
    points, truth = sphere_blobs(900, 6)
    config = FREE.but({"clustering.clusterer": name, "clustering.count": count, "clustering.clusters": 6})
    found = cluster(points, config)
    k = len(found.centroids)
    assert found.labels.dtype == np.int32
    assert np.bincount(found.labels, minlength=k).min() >= config.clustering.min_cluster
    if count == "target":
        assert k == 6
    if name != "pic" or count == "target":  # alone, power iteration cuts each blob into several
        assert adjusted_mutual_info_score(truth, found.labels) > 0.9
    exact = points.astype(np.float64) - found.centroids[found.labels]
    np.testing.assert_allclose(found.distances, np.linalg.norm(exact, axis=1), rtol=1e-4)
    assert found.objective == pytest.approx((exact**2).sum(axis=1).mean(), rel=1e-4)
    if name in FINDING:
        means = np.stack([points[found.labels == row].astype(np.float64).mean(axis=0) for row in range(k)])
        np.testing.assert_allclose(found.centroids, means, atol=1e-5)
        assert found.figures["clusters_found"] >= 1
    again = cluster(points, config)
    assert again.labels.tobytes() == found.labels.tobytes()


@pytest.mark.parametrize("clusters", [2, 15, 40])
def test_rcc_meets_the_number_asked_for(clusters: int) -> None:
    points, truth = sphere_blobs(900, 6)
    found = cluster(points, FREE.but({"clustering.count": "target", "clustering.clusters": clusters}))
    assert len(found.centroids) == clusters
    assert np.bincount(found.labels).min() >= 1
    agreement = adjusted_mutual_info_score(truth, found.labels)
    assert agreement > (0.4 if clusters == 2 else 0.6)


def test_micro_centroids_stand_for_all_tiles() -> None:
    points, truth = sphere_blobs(4000, 6)
    few, owner = micro_centroids(points, 300, np.random.default_rng(0))
    assert 150 <= len(few) <= 400
    assert np.bincount(owner, minlength=len(few)).min() >= 1
    np.testing.assert_allclose(few, class_means(points, owner, len(few)), atol=1e-5)
    found = cluster(points, FREE.but({"clustering.graph_points": 300}))
    assert adjusted_mutual_info_score(truth, found.labels) > 0.95
    for cell in range(len(few)):  # tiles of one cell go together: the same rng makes the same cells
        assert len(np.unique(found.labels[owner == cell])) == 1


def test_more_micro_centroids_than_distinct_points() -> None:
    points = np.repeat(sphere_blobs(40, 4)[0], 50, axis=0)
    few, owner = micro_centroids(points, 300, np.random.default_rng(0))
    np.testing.assert_allclose(few[owner], points.astype(np.float32), atol=2e-3)


def test_scales_are_held_only_when_asked() -> None:
    points, _ = sphere_blobs(600, 5)
    other, _ = sphere_blobs(600, 5, seed=1)
    for hold in (True, False):
        memory: Memory = {}
        cluster(points, FREE.but({"clustering.clusterer.hold": hold}), memory)
        first = memory[HELD].copy()
        cluster(other, FREE.but({"clustering.clusterer.hold": hold}), memory)
        assert np.array_equal(first, memory[HELD]) is hold


@pytest.mark.parametrize("name", FINDING)
def test_identical_and_infinite_tiles(name: str) -> None:
    config = FREE.but({"clustering.clusterer": name})
    found = cluster(np.ones((60, 4), np.float16), config)
    assert set(found.labels) == {0}
    points, _ = sphere_blobs(100, 2)
    points[7, 3] = np.inf
    with pytest.raises(RunError, match="not finite"):
        cluster(points, config)


@pytest.mark.skipif(LEIDEN, reason="the package is there")
def test_leiden_without_its_package_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match="graspologic-native"):
        cluster(sphere_blobs(100, 2)[0], FREE.but({"clustering.clusterer": "leiden"}))


def test_least_size_is_a_thousandth_but_not_above_a_tenth_of_the_mean() -> None:
    assert api.least_size(100, RunConfig.of({"clustering.clusters": 5})) == RunConfig().clustering.min_cluster
    assert api.least_size(1_000_000, RunConfig.of({"clustering.clusters": 50})) == 1000
    assert api.least_size(1_000_000, RunConfig.of({"clustering.clusters": 1000})) == 100


def test_tiny_clusters_and_noise_go_point_by_point_to_the_nearest_large_one() -> None:
    points = np.array([[0.0], [1], [2], [10], [11], [12], [13], [4], [9], [14]])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, -1], np.int32)
    folded, n = fold(points, labels, 3)
    assert folded.tolist() == [1, 1, 1, 0, 0, 0, 0, 1, 0, 0]  # largest first; the pair {4, 9} is torn apart
    assert n == 1
    weighed, n = fold(points, labels, 3, np.array([1, 1, 1, 1, 1, 1, 1, 9, 9, 1]))
    assert weighed[7] == weighed[8] == 0  # as micro-centroids of nine tiles they stay
    assert n == 0
    whole, n = fold(points, labels, 1000)
    assert set(whole) == {0}
    assert n == 2
    noise, _ = fold(points, np.full(10, -1, np.int32), 3)
    assert set(noise) == {0}


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 40), seed=st.integers(0, 10_000))
def test_ward_of_single_points_is_that_of_scipy(n: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 3))
    tree = ward(points, np.ones(n, np.int64))
    heights = linkage(points, "ward")[:, 2]
    np.testing.assert_allclose(tree.price, heights**2 / 2, rtol=1e-6)
    for k in range(1, n + 1):
        expected = fcluster(linkage(points, "ward"), k, "maxclust")
        assert adjusted_rand_score(expected, tree.cut(k)) == pytest.approx(1)


def test_ward_of_clusters_is_that_of_their_points() -> None:
    rng = np.random.default_rng(0)
    means, sizes = rng.normal(size=(12, 2)) * 5, rng.integers(1, 30, 12)
    points, owner = np.repeat(means, sizes, axis=0), np.repeat(np.arange(12), sizes)
    expected = fcluster(linkage(points, "ward"), 5, "maxclust")
    assert adjusted_rand_score(expected, ward(means, sizes).cut(5)[owner]) == 1


def test_power_iteration_never_joins_what_has_no_edge_and_leaves_no_one_alone() -> None:
    points, truth = sphere_blobs(600, 3, dim=8)
    near = nearest(points.astype(np.float32), 5, metric="euclidean")
    labels = pic(near)
    table = np.zeros((labels.max() + 1, 3))
    np.add.at(table, (labels, truth), 1)
    assert table.max(axis=1).sum() / 600 > 0.99
    assert np.bincount(labels).min() >= 2
    assert labels.max() + 1 < 200
