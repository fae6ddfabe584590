from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tessera.config import PropagateConfig
from tessera.errors import ConfigError
from tessera.learn.cluster.graph.mutual import Graph
from tessera.learn.propagate import label_propagation
from tessera.learn.propagate.label_propagation import align, choose, normalised_adjacency, propagate

QUICK = PropagateConfig(neighbours=8, epochs=60, hidden=16, stages=3)


def blobs(n: int = 400, n_classes: int = 4, spread: float = 0.35) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    middles = np.eye(n_classes, 12)
    truth = np.arange(n) % n_classes
    return (middles[truth] + rng.normal(0, spread / np.sqrt(12), (n, 12))).astype(np.float32), truth


def test_one_label_a_class_names_well_separated_clouds() -> None:
    points, truth = blobs()
    seeds = np.array([0, 5, 10, 15])
    found = propagate(points, seeds, truth[seeds], QUICK)
    assert (found.classes == truth).mean() > 0.97
    assert found.confidence[seeds].tolist() == [1.0] * 4
    wrong = found.classes != truth
    assert found.agrees[~wrong].mean() > 0.9
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_stages_help_where_labels_are_few() -> None:
    """Overlapping clouds: with one label a class, what the stages add to the labels names more tiles rightly."""
    points, truth = blobs(600, spread=1.1)
    seeds = np.array([0, 1, 2, 3])
    once, staged = (propagate(points, seeds, truth[seeds], replace(QUICK, stages=stages)).classes for stages in (0, 5))
    assert (staged == truth).mean() > (once == truth).mean()


def test_many_labels_give_the_same_by_sparse_links_as_by_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    points, truth = blobs(200)
    seeds = np.arange(60)
    dense = propagate(points, seeds, truth[seeds], QUICK)
    monkeypatch.setattr(label_propagation, "_DENSE_LINKS", 0)
    sparse = propagate(points, seeds, truth[seeds], QUICK)
    np.testing.assert_allclose(sparse.confidence, dense.confidence, atol=1e-3)
    np.testing.assert_array_equal(sparse.classes, dense.classes)


def test_the_same_seed_gives_the_same_answer() -> None:
    points, truth = blobs(120)
    seeds = np.array([0, 1, 2, 3])
    first, second = (propagate(points, seeds, truth[seeds], QUICK) for _ in range(2))
    np.testing.assert_array_equal(first.confidence, second.confidence)


def test_tiles_outside_the_sample_follow_their_neighbours() -> None:
    points, truth = blobs(600, spread=0.2)
    seeds = np.array([596, 597, 598, 599])
    found = propagate(points, seeds, truth[seeds], replace(QUICK, max_tiles=150))
    assert (found.classes == truth).mean() > 0.97
    np.testing.assert_array_equal(found.classes[seeds], truth[seeds])


def test_the_adjacency_is_that_of_kipf_and_welling() -> None:
    graph = Graph(4, np.array([0, 0, 1], np.int32), np.array([1, 2, 2], np.int32))
    full = np.eye(4)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        full[a, b] = full[b, a] = 1
    scale = np.diag(full.sum(axis=1) ** -0.5)
    np.testing.assert_allclose(normalised_adjacency(graph).toarray(), scale @ full @ scale, atol=1e-6)


def test_only_confident_predictions_on_which_the_cluster_agrees_are_taken_over() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.45, 0.55]], np.float32)
    aligned, labels = np.array([0, 1, 0, 1, 1, 1]), np.array([-1, -1, -1, 1, -1, -1])
    assert choose(probabilities, aligned, labels, 0.6).tolist() == [
        0,
        4,
        5,
    ]  # 1: its cluster disagrees; 2: beyond the two
    assert choose(probabilities, aligned, labels, 0.3).tolist() == [0, 4]
    assert choose(probabilities, 1 - aligned, labels, 0.6).tolist() == [1]


def test_clusters_are_aligned_to_the_nearest_labelled_middle() -> None:
    points, truth = blobs(200, spread=0.1)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    labels = np.where(np.arange(200) < 8, truth, -1)
    np.testing.assert_array_equal(align(unit, labels, 4, 20, seed=0), truth)


def test_what_cannot_be_propagated_is_said() -> None:
    points, _ = blobs(40)
    with pytest.raises(ConfigError, match="two classes"):
        propagate(points, np.array([1, 2]), np.array([0, 0]), QUICK)
    with pytest.raises(ConfigError, match="too few"):
        propagate(points[:8], np.array([1, 2]), np.array([0, 1]), QUICK)
