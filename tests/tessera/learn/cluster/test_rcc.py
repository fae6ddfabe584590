"""RCC against the published figures, an independent solver, scikit-learn's checks, bad input, and its invariances."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import spsolve
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.utils.estimator_checks import estimator_checks_generator
from tessera.learn.cluster.graph.mutual import Graph, mutual_graph
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.rcc.engine_cpu import CpuEngine
from tessera.learn.cluster.rcc.engine_torch import TorchEngine
from tessera.learn.cluster.rcc.model import RCC, make_engine
from tessera.learn.cluster.rcc.prepare import distinct_rows, fit_space
from tessera.learn.cluster.rcc.solver import largest_eigenvalue


def mixture(n: int, k: int, dim: int, seed: int = 0, spread: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(k), -(-n // k))[:n]
    return ((rng.normal(size=(k, dim)) * spread)[truth] + rng.normal(size=(n, dim))).astype(np.float32), truth


def agreement(truth: np.ndarray, labels: np.ndarray) -> float:
    return float(adjusted_mutual_info_score(truth, labels, average_method="geometric"))


@pytest.fixture(scope="module")
def small() -> tuple[np.ndarray, Graph]:
    points, _ = mixture(300, 4, 20)
    return points, mutual_graph(nearest(points, 10), "mst")


@pytest.mark.parametrize(
    ("preset", "least", "most_clusters"),
    [pytest.param("paper", 0.90, 18, marks=pytest.mark.slow), ("robust", 0.88, 40)],
)
def test_digits_are_found_as_published(preset: str, least: float, most_clusters: int) -> None:
    digits = load_digits()
    found = RCC(preset).fit(digits.data)
    assert agreement(digits.target, found.labels_) >= least
    assert 10 <= found.n_clusters_ <= most_clusters
    assert found.representatives_.shape == digits.data.shape
    assert len(found.energy_) == found.n_iter_


@pytest.mark.parametrize("engine", ["cpu", "torch"])
def test_both_engines_solve_what_a_direct_solver_solves(small: tuple[np.ndarray, Graph], engine: str) -> None:
    points, graph = small
    made: Any = CpuEngine(points, graph, 2) if engine == "cpu" else TorchEngine(points, graph, "cpu", width=7)
    with made as solver:
        pairs = solver.relax(30.0)
        squared = ((points[graph.first] - points[graph.second]).astype(float) ** 2).sum(axis=1)
        line = (30.0 / (30.0 + squared)) ** 2
        weights = graph.weights()
        expected = (weights * (line * squared + 30.0 * (np.sqrt(line) - 1) ** 2)).sum()
        assert pairs == pytest.approx(expected, rel=1e-5)
        links = sp.coo_matrix((weights * line, (graph.first, graph.second)), shape=(300, 300))
        laplacian = sp.csgraph.laplacian((links + links.T).tocsr())
        assert solver.norm() == pytest.approx(np.linalg.eigvalsh(laplacian.toarray())[-1], rel=1e-2)
        distance, _ = solver.solve(5.0, 1e-6, 500)
        exact = spsolve((sp.eye(300) + 5.0 * laplacian).tocsc(), points.astype(float))
        np.testing.assert_allclose(solver.representatives(), exact, atol=2e-4)
        assert distance == pytest.approx(((points - exact) ** 2).sum(), rel=1e-4)
        ends = exact[graph.first] - exact[graph.second]
        np.testing.assert_allclose(solver.lengths(), np.linalg.norm(ends, axis=1), atol=2e-3)


def test_torch_gives_the_partition_of_the_cpu_and_threads_change_no_bit() -> None:
    points, _ = mixture(600, 6, 30, seed=1)
    one, two = RCC(n_threads=1).fit(points), RCC(n_threads=2).fit(points)
    np.testing.assert_array_equal(one.representatives_, two.representatives_)
    with TorchEngine(points, one.graph_, "cpu") as engine:
        assert engine.lengths().shape == one.edge_lengths_.shape
    other = RCC(graph_method="torch").fit(points)
    assert adjusted_rand_score(one.labels_, other.labels_) == 1


def test_objective_falls_while_mu_and_lambda_stay() -> None:
    found = RCC("paper").fit(load_digits().data[:500])
    same = np.flatnonzero(np.diff(found.lambda_) == 0)
    energy = np.array(found.energy_)
    assert len(same) > 5
    assert (energy[same + 1] <= energy[same] * 1.001).mean() > 0.9


def test_lanczos_meets_the_dense_eigenvalue_even_of_tiny_matrices() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 60):
        half = rng.normal(size=(n, n))
        matrix = half @ half.T
        assert largest_eigenvalue(lambda v, m=matrix: m @ v, n) == pytest.approx(  # type: ignore[misc]
            np.linalg.eigvalsh(matrix)[-1], rel=1e-2
        )


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), preset=st.sampled_from(["paper", "robust"]))
def test_order_of_rows_and_rotation_of_space_do_not_matter(seed: int, preset: str) -> None:
    rng = np.random.default_rng(seed)
    points, _ = mixture(200, 4, 12, seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    order = rng.permutation(200)
    labels = RCC(preset).fit_predict(points)
    assert adjusted_rand_score(labels[order], RCC(preset).fit_predict(points[order])) == 1
    assert adjusted_rand_score(labels, RCC(preset).fit_predict(points @ rotation)) == 1


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_scale_and_shift_do_not_matter_to_the_robust_preset(seed: int, scale: float, shift: float) -> None:
    points, _ = mixture(200, 4, 12, seed)
    labels = RCC().fit_predict(points.astype(np.float64))
    assert adjusted_rand_score(labels, RCC().fit_predict(points.astype(np.float64) * scale + shift * scale)) == 1


def test_held_constants_and_links() -> None:
    points, truth = mixture(400, 5, 16)
    first = RCC().fit(points)
    again = RCC(constants=first.constants_).fit(points * 7)
    np.testing.assert_array_equal(first.labels_, again.labels_)
    assert agreement(truth, first.labels_) > 0.95
    counts = [first.relink(link).max() + 1 for link in (0.0, first.link_, 1e9)]
    assert counts[0] == 400
    assert counts == sorted(counts, reverse=True)
    np.testing.assert_array_equal(first.relink(first.link_), first.labels_)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    points, _ = mixture(50, 2, 4)
    points[3, 1] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        RCC().fit(points)


@pytest.mark.parametrize("preset", ["paper", "robust"])
def test_few_points_use_the_neighbours_there_are(preset: str) -> None:
    rng = np.random.default_rng(0)
    found = RCC(preset).fit(rng.normal(size=(6, 20)))
    assert len(found.labels_) == 6
    with pytest.raises(ValueError, match="minimum of 2"):
        RCC(preset).fit(rng.normal(size=(1, 20)))


@pytest.mark.parametrize("preset", ["paper", "robust"])
def test_thousands_of_duplicates(preset: str) -> None:
    points, truth = mixture(300, 3, 10)
    many = np.concatenate([points, np.tile(points[0], (2000, 1))])
    labels = RCC(preset).fit_predict(many)
    assert len(np.unique(labels[300:])) == 1
    assert labels[300] == labels[0]
    if preset == "robust":  # duplicates count once, so the rest is as without them
        assert adjusted_rand_score(RCC().fit_predict(points), labels[:300]) == 1
        assert agreement(truth, labels[:300]) > 0.9


@pytest.mark.parametrize("preset", ["paper", "robust"])
def test_identical_rows_are_one_cluster(preset: str) -> None:
    found = RCC(preset).fit(np.ones((40, 5)))
    assert found.n_clusters_ == 1
    np.testing.assert_array_equal(found.relink(1.0), found.labels_)


def test_constant_columns_change_nothing() -> None:
    points, _ = mixture(200, 4, 12)
    wider = np.concatenate([points, np.full((200, 3), 1e3, np.float32)], axis=1)
    assert adjusted_rand_score(RCC().fit_predict(points), RCC().fit_predict(wider)) == 1


def test_disconnected_graphs_stay_apart() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(60, 10)), rng.normal(size=(60, 10)) + 1e3])
    for found in (RCC("paper", metric="euclidean"), RCC()):  # by cosine, the blob at the origin lies in every direction
        labels = found.fit_predict(points)
        assert not set(labels[:60]) & set(labels[60:])


def test_one_dimension_and_half_precision() -> None:
    rng = np.random.default_rng(0)
    line = np.concatenate([rng.normal(0, 0.1, 50), rng.normal(10, 0.1, 50)])[:, None]
    labels = RCC().fit_predict(line)
    assert not set(labels[:50]) & set(labels[50:])
    points, _ = mixture(300, 4, 16)
    half = points.astype(np.float16)
    np.testing.assert_array_equal(RCC().fit_predict(half), RCC().fit_predict(half.astype(np.float64)))


def test_one_blob_does_not_become_classes() -> None:
    blob = np.random.default_rng(0).normal(size=(500, 32)).astype(np.float32)
    sizes = np.bincount(RCC("paper").fit_predict(blob))
    assert sizes.max() > 0.9 * 500


@pytest.mark.parametrize("wrong", [{"preset": "best"}, {"n_neighbors": 0}, {"link": -1.0}, {"lambda_scale": 0.0}])
def test_wrong_parameters_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RCC(**wrong).fit(mixture(30, 2, 4)[0])


@pytest.mark.parametrize(("estimator", "check"), list(estimator_checks_generator(RCC())))
def test_manners_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_duplicates_are_found_by_their_bits() -> None:
    rows = np.array([[0.0, 1], [2, 3], [-0.0, 1], [2, 3], [4, 5]])
    first, place = distinct_rows(rows)
    np.testing.assert_array_equal(rows[first][place], rows)
    assert len(first) == 3


def test_space_is_centred_and_its_rows_have_one_length() -> None:
    points, _ = mixture(500, 5, 100)
    moved = fit_space(points + 50, 64).apply(points + 50)
    assert moved.shape == (500, 64)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 8, rtol=1e-4)


def test_engine_of_a_plain_machine() -> None:
    points, graph = mixture(60, 2, 4)[0], mutual_graph(nearest(mixture(60, 2, 4)[0], 5))
    with make_engine(points, graph, "cpu") as engine:
        assert isinstance(engine, CpuEngine)


def test_rcc_needs_no_faiss_no_store_and_no_slides() -> None:
    script = (
        "import tessera.learn.cluster.rcc.model, sys; assert not {'faiss', 'lance', 'openslide', 'torch'} & "
        "set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
