"""Neighbours and the mutual graph against brute force and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from tessera.errors import ConfigError
from tessera.learn.cluster.graph.mutual import Graph, mutual_graph
from tessera.learn.cluster.graph.neighbours import Neighbours, nearest, sampled_recall


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("method", ["flat", "torch", "ivf", "hnsw", "torch-cells"])
def test_every_method_finds_the_neighbours_of_scikit_learn(metric: str, method: str) -> None:
    points = np.random.default_rng(0).normal(size=(700, 6)).astype(np.float32)
    lengths, ids = NearestNeighbors(n_neighbors=6, metric=metric).fit(points).kneighbors(points)
    found = nearest(points, 5, metric=metric, method=method)
    share = (found.ids[:, :, None] == ids[:, None, 1:]).any(axis=2).mean()
    assert share > (0.999 if method in ("flat", "torch") else 0.9)
    assert found.recall == pytest.approx(share, abs=0.03)
    if method in ("flat", "torch"):
        np.testing.assert_allclose(found.distances, lengths[:, 1:], atol=2e-3)


def test_cells_find_most_neighbours_and_the_same_ones_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tessera.learn.cluster.graph.neighbours_torch.POINTS_PER_CELL", 64)
    points = np.random.default_rng(0).normal(size=(4_000, 8)).astype(np.float32)
    found = nearest(points, 10, method="torch-cells")
    assert 0.8 < found.recall < 1  # 62 cells, of which 24 are searched
    assert (found.ids >= 0).all()
    np.testing.assert_array_equal(found.ids, nearest(points, 10, method="torch-cells").ids)


def test_a_poor_index_is_measured_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    points = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    wrong = np.random.default_rng(1).integers(0, 300, (300, 5)).astype(np.int32)
    assert sampled_recall(points, wrong) < 0.1
    assert sampled_recall(points, nearest(points, 5, metric="euclidean").ids) == 1


def test_no_point_is_its_own_neighbour_even_among_duplicates() -> None:
    points = np.concatenate([np.zeros((30, 3)), np.random.default_rng(0).normal(size=(30, 3))]).astype(np.float32)
    for method in ("flat", "torch"):
        found = nearest(points, 4, metric="euclidean", method=method)
        assert (found.ids != np.arange(60)[:, None]).all()


def test_mutual_edges_and_ties_of_a_hand_made_case() -> None:
    # 0-1 and 2-3 are mutual; 4 points to 0, which does not point back
    ids = np.array([[1], [0], [3], [2], [0]], np.int32)
    lengths = np.array([[1.0], [1], [1], [1], [3]], np.float32)
    found = Neighbours(ids, lengths, "flat", 1.0)
    pairs = {
        how: {*zip(*(end.tolist() for end in _ends(mutual_graph(found, how))), strict=True)}
        for how in ("none", "first", "mst")
    }
    assert pairs == {"none": {(0, 1), (2, 3)}, "first": {(0, 1), (2, 3), (0, 4)}, "mst": {(0, 1), (2, 3), (0, 4)}}
    assert mutual_graph(found).components().tolist() == [0, 0, 1, 1, 0]
    with pytest.raises(ConfigError, match="choose one of"):
        mutual_graph(found, "all")


def test_weights_are_those_of_the_paper() -> None:
    star = Graph(4, np.array([0, 0, 0], np.int32), np.array([1, 2, 3], np.int32))
    np.testing.assert_allclose(star.weights(), 1.5 / np.sqrt(3))


def test_unknown_words_and_impossible_numbers_are_refused() -> None:
    points = np.zeros((5, 2), np.float32)
    for wrong in ({"metric": "far"}, {"method": "fast"}, {"k": 5}, {"k": 0}):
        with pytest.raises(ConfigError, match="choose"):
            nearest(points, **{"k": 2, **wrong})  # type: ignore[arg-type]


def _ends(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    return graph.first, graph.second
