"""Whitening, k-means, matching, metrics, sampling, checkpoints: each against something independent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score
from tessera.config import RunConfig
from tessera.errors import ConfigError, RunError
from tessera.learn.cluster import kmeans
from tessera.learn.cluster.identity import _match, contingency, persistent_ids
from tessera.learn.evaluate import metrics
from tessera.learn.evaluate.advice import alarms, loss_alarm, stop_advice
from tessera.learn.features.whitening import fit_normalisation, unwhitened
from tessera.learn.train import checkpoint
from tessera.learn.train.checkpoint import Checkpoint
from tessera.tiles.sampler import class_weights, draw, tile_weights


def blobs(n: int, k: int, rng: np.random.Generator, dim: int = 8) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.integers(0, k, n).astype(np.int32)
    return (rng.normal(size=(k, dim)) * 6)[truth] + rng.normal(size=(n, dim)), truth


def test_whitened_features_have_unit_covariance_before_scaling_and_unit_length_after() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5000, 6)) @ rng.normal(size=(6, 6))
    fitted = fit_normalisation(features, "pca-whiten", 6)
    whitened = (features - fitted.mean) @ fitted.projection
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(6), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(fitted.apply(features), axis=1), 1, atol=1e-5)
    assert fitted.explained == pytest.approx(1)


def test_whitening_is_taken_back_from_rows_of_unit_length() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 6)) * [9, 5, 2, 1, 0.3, 0] + 4
    whitening, plain = fit_normalisation(features, "pca-whiten", 5), fit_normalisation(features, "pca", 5)
    np.testing.assert_allclose(plain.projection.T @ plain.projection, np.eye(5), atol=1e-9)
    kept = (features - plain.mean) @ plain.projection
    np.testing.assert_allclose(pdist(kept), pdist(features), atol=1e-6)  # the sixth feature is constant
    again, back = unwhitened(whitening)
    np.testing.assert_allclose(back.apply(whitening.apply(features)), again.apply(features), atol=1e-5)
    np.testing.assert_allclose(again.apply(features), plain.apply(features), atol=1e-6)


def test_dead_and_constant_features_do_not_become_infinite() -> None:
    features = np.random.default_rng(0).normal(size=(100, 5))
    features[:, 3] = 0
    for kind in ("pca-whiten", "pca", "centre-scale", "none"):
        assert np.isfinite(fit_normalisation(features, kind, 5).apply(features)).all()
        assert np.isfinite(fit_normalisation(np.ones((50, 4)), kind, 4).apply(np.ones((50, 4)))).all()
    with pytest.raises(RunError, match="learning_rate"):
        fit_normalisation(np.full((4, 4), np.nan), "pca-whiten", 2)


def test_kmeans_finds_blobs_and_its_objective_is_the_brute_force_one() -> None:
    rng = np.random.default_rng(1)
    points, truth = blobs(600, 5, rng)
    found = kmeans.cluster(
        points.astype(np.float16), RunConfig.of({"clustering.clusters": 5}, method="deepcluster"), rng
    )
    assert normalized_mutual_info_score(truth, found.labels) > 0.99
    stored = points.astype(np.float16).astype(np.float64)
    brute = ((stored - found.centroids[found.labels].astype(np.float64)) ** 2).sum(axis=1).mean()
    assert found.objective == pytest.approx(brute, rel=1e-5)
    distances = np.linalg.norm(stored[:, None] - found.centroids[None], axis=2)
    np.testing.assert_array_equal(found.labels, distances.argmin(axis=1))


def test_warm_start_from_the_same_labels_keeps_every_row() -> None:
    rng = np.random.default_rng(2)
    points, _ = blobs(400, 4, rng)
    first = kmeans.cluster(points, RunConfig.of({"clustering.clusters": 4}, method="deepcluster"), rng)
    again = kmeans.cluster(
        points, RunConfig.of({"clustering.clusters": 4}, method="deepcluster"), np.random.default_rng(99), first.labels
    )
    np.testing.assert_array_equal(first.labels, again.labels)


def test_tiny_clusters_are_dissolved_and_refilled() -> None:
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(size=(300, 4)), np.full((1, 4), 50.0)])
    found = kmeans.cluster(
        points, RunConfig.of({"clustering.clusters": 4, "clustering.min_cluster": 10}, method="deepcluster"), rng
    )
    assert found.n_repaired > 0
    assert np.bincount(found.labels, minlength=4).min() >= 10


def test_kmeans_refuses_what_cannot_be() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="too many"):
        kmeans.cluster(rng.normal(size=(10, 2)), RunConfig.of({"clustering.clusters": 6}, method="deepcluster"), rng)
    with pytest.raises(RunError, match="not finite"):
        kmeans.cluster(np.full((50, 2), np.nan), RunConfig.of({"clustering.clusters": 3}, method="deepcluster"), rng)


def test_ids_persist_under_permutation_and_new_clusters_get_new_ids() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 6, 500).astype(np.int32)
    permuted = rng.permutation(6).astype(np.int32)[before]
    ids = persistent_ids(permuted, 6, before)
    np.testing.assert_array_equal(ids[permuted], before)
    grown = permuted.copy()
    grown[:20] = 6
    ids = persistent_ids(grown, 7, before)
    assert sorted(ids.tolist()) == [0, 1, 2, 3, 4, 5, 6]
    assert len(set(persistent_ids(np.zeros(500, np.int32), 3, before).tolist())) == 3


def test_sparse_matching_is_as_good_as_the_dense_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    table = contingency(rng.integers(0, 30, 400).astype(np.int32), rng.integers(0, 25, 400).astype(np.int32))
    dense = table[_match(table)].sum()
    monkeypatch.setattr("tessera.learn.cluster.identity._DENSE_LIMIT", 0)
    assert table[_match(table)].sum() == pytest.approx(dense, abs=1)


def test_nmi_is_scikit_learns_and_blind_to_permutation() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 7, 1000).astype(np.int32), rng.integers(0, 4, 1000).astype(np.int32)
    assert metrics.nmi(one, two) == pytest.approx(normalized_mutual_info_score(one, two))
    assert metrics.nmi(one, rng.permutation(7).astype(np.int32)[one]) == pytest.approx(1)
    one[:100] = -1
    assert metrics.nmi(one, two) == pytest.approx(normalized_mutual_info_score(one[100:], two[100:]))


@pytest.mark.parametrize("sizes", [(7, 4), (60, 60), (1, 5), (1, 1), (1000, 300)])
def test_ami_is_scikit_learns(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    one = (rng.random(1000) ** 3 * sizes[0]).astype(np.int32)  # clusters of unlike sizes
    two = np.where(rng.random(1000) < 0.4, one % sizes[1], rng.integers(0, sizes[1], 1000)).astype(np.int32)
    for first, second in ((one, two), (two, one), (one, one)):
        expected = adjusted_mutual_info_score(first, second)
        assert metrics.ami(first, second, rng) == pytest.approx(expected, abs=1e-9)


def test_uniform_draws_are_uniform_over_clusters_and_index_the_tiles() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4, dtype=np.int32), [400, 300, 200, 100])
    ids = draw(labels, 8000, balance="uniform", cap=100, rng=rng)
    drawn = np.bincount(labels[ids])
    np.testing.assert_allclose(drawn, 2000, atol=3 * np.sqrt(8000 * 0.25 * 0.75))
    once = draw(labels, 1000, balance="natural", cap=10, rng=rng)
    np.testing.assert_array_equal(np.sort(once), np.arange(1000))
    roots = np.bincount(labels[draw(labels, 10_000, balance="sqrt", cap=100, rng=rng)])
    np.testing.assert_allclose(roots / roots.sum(), np.sqrt([4, 3, 2, 1]) / np.sqrt([4, 3, 2, 1]).sum(), atol=0.01)


def test_draws_leave_out_unassigned_tiles_and_respect_the_cap() -> None:
    labels = np.array([0] * 990 + [1] * 5 + [-1] * 5, np.int32)
    assert tile_weights(labels, "uniform", 10).max() == 10
    ids = draw(labels, 1000, balance="uniform", cap=10, rng=np.random.default_rng(0))
    assert (labels[ids] >= 0).all()
    assert len(draw(np.full(5, -1, np.int32), 10, balance="natural", cap=1, rng=np.random.default_rng(0))) == 0
    weights = class_weights(np.array([0, 0, 0, 1, -1]), 3)
    np.testing.assert_allclose(weights, [2 / 3, 2, 0])


def test_checkpoints_rotate_and_a_damaged_one_gives_way(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, Checkpoint("d", 0, step, step, {"w": torch.full((2,), float(step))}))
    assert len(list(tmp_path.glob("*.pt"))) == 2
    newest = max(tmp_path.glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:40])
    found = checkpoint.load_last(tmp_path, "d")
    assert found is not None
    assert (found.step, found.state["w"][0].item()) == (2, 2.0)
    with pytest.raises(RunError, match="other settings"):
        checkpoint.load_last(tmp_path, "e")
    assert checkpoint.load_last(tmp_path / "none", "d") is None


def test_alarms_speak_when_they_should() -> None:
    well = {"largest_share": 0.1, "clusters": 20.0, "entropy_ratio": 0.95}
    assert alarms(well, 5000) == []
    assert "collapse" in alarms({**well, "largest_share": 0.9}, 5000)[0]
    assert "learning_rate" in alarms({**well, "largest_share": 0.9}, 5000)[0]
    assert "starting weights" in alarms({**well, "largest_share": 0.9}, 5000, trained=False)[0]
    assert "look the same" in alarms({**well, "largest_share": 1.0, "objective": 0.0}, 5000)[0]
    assert "tiles per cluster" in alarms(well, 100)[0]
    follows = {"information_slide": 0.6, "information_slide_chance": 0.1}
    assert "follow the slide" in alarms({**well, **follows, "information_labels": 0.2}, 5000)[0]
    assert alarms({**well, **follows, "information_labels": 0.9}, 5000) == []
    assert alarms({**well, "information_slide": 0.6, "information_slide_chance": 0.5}, 5000) == []
    assert loss_alarm(np.log(20), 20) is not None
    assert loss_alarm(1.0, 20) is None
    assert stop_advice([0.3, 0.5, 0.7, 0.8]) is None
    assert stop_advice([0.60, 0.50, 0.40, 0.30]) is None  # falls: b674df0 called it settled
    assert stop_advice([0.30, 0.35, 0.28, 0.31, 0.30]) is None  # low, up and down
    assert stop_advice([0.99, 0.95, 0.9, 0.85]) is None
    assert stop_advice([0.3, 0.82, 0.822, 0.823, 0.821]) is not None
    assert "falling learning rate" in str(stop_advice([0.82, 0.822, 0.823, 0.821], cosine=True))
