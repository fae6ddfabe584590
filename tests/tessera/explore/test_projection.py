from __future__ import annotations

import struct
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tessera.errors import RunError
from tessera.explore.clustering import open_clustering
from tessera.explore.projection import _oriented, _place, _stratified, inside_polygon, points_file, project
from tessera.workspace.progress import Silent

from tests.tessera.planted import RUN, Planted

Points = npt.NDArray[np.float32]


def cloud(seed: int = 0, n: int = 200) -> Points:
    """Two groups of unlike size and shape: no turn or mirror leaves it as it is."""
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(size=(n // 4, 2)) * 0.2 + [3, 1], rng.normal(size=(n - n // 4, 2)) * [1, 0.3]])
    return points.astype(np.float32)


def turned(points: Points, degrees: float, *, mirrored: bool) -> Points:
    a = np.radians(degrees)
    matrix = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return (points * ([-1, 1] if mirrored else [1, 1]) @ matrix.T).astype(np.float32)


def agreement(one: Points, other: Points) -> float:
    """Correlation of the coordinates: 1 when one is the other, moved and scaled."""
    flat = [(points - points.mean(axis=0)).ravel() for points in (one, other)]
    return float(np.corrcoef(*flat)[0, 1])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 37, 90, 180, 251])
def test_a_new_map_is_turned_as_the_last_one(degrees: float, mirrored: bool) -> None:
    previous = _oriented(cloud(), None)
    found = _oriented(turned(cloud(), degrees, mirrored=mirrored) * 7 + np.float32(40), previous)
    assert agreement(found, previous) > 0.9999
    assert np.abs(found).max() == pytest.approx(1)


def test_a_first_map_keeps_its_shape_within_the_unit_square() -> None:
    found = _oriented(cloud() * 50 + np.float32(1000), None)
    assert agreement(found, cloud()) == pytest.approx(1, abs=1e-5)
    assert np.abs(found).max() == pytest.approx(1)
    assert not np.isnan(_oriented(np.ones((5, 2), np.float32), None)).any()


def test_unsampled_tiles_lie_among_their_nearest_neighbours() -> None:
    rng = np.random.default_rng(0)
    bank = np.concatenate([rng.normal(size=(50, 8)) + 10, rng.normal(size=(50, 8)) - 10]).astype(np.float16)
    rows = np.arange(0, 100, 2)
    fitted = np.where(rows[:, None] < 50, [[1.0, 1.0]], [[-1.0, -1.0]]).astype(np.float32)
    xy = np.full((100, 2), np.nan, np.float32)
    bank[51] = bank[50]  # the same features as a sampled tile
    fitted[25] = (-3, -2)
    _place(bank, rows, fitted, xy, Silent())
    assert not np.isnan(xy).any()
    np.testing.assert_array_equal(xy[rows], fitted)
    np.testing.assert_allclose(xy[1:50:2], 1, atol=1e-5)
    assert (xy[51:, 0] < -0.999).all()
    np.testing.assert_allclose(xy[51], (-3, -2), atol=1e-3)


def test_the_sample_is_seeded_without_repeats_and_favours_rare_clusters(planted_once: Planted) -> None:
    clustering = open_clustering(planted_once.workspace, RUN)
    n = planted_once.n // 2
    one, same, other = (_stratified(clustering, n, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert len(set(one.tolist())) == n
    draws = np.array(
        [np.isin(np.arange(planted_once.n), _stratified(clustering, n, np.random.default_rng(i))) for i in range(200)]
    )
    small = clustering.labels == clustering.ids[clustering.sizes.argmin()]
    large = clustering.labels == clustering.ids[clustering.sizes.argmax()]
    assert draws[:, small].mean() > draws[:, large].mean() + 0.1
    np.testing.assert_array_equal(
        _stratified(clustering, planted_once.n, np.random.default_rng(0)), np.arange(planted_once.n)
    )


@settings(max_examples=60, deadline=None)
@given(
    corners=st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=3, max_size=8),
    seed=st.integers(0, 5),
)
def test_a_lasso_holds_the_points_that_an_even_number_of_edges_does_not_separate(
    corners: list[tuple[int, int]], seed: int
) -> None:
    points = np.random.default_rng(seed).uniform(-25, 25, (80, 2)).astype(np.float32)  # on no edge
    polygon = np.array(corners, float)
    found = set(inside_polygon(points, polygon).tolist())
    wound = {i for i, point in enumerate(points) if winding(point, polygon) % 2}
    never = {i for i, point in enumerate(points) if winding(point, polygon) == 0}
    assert wound <= found  # where a lasso crosses itself, the rule for regions wound twice is the library's
    assert not found & never


def winding(point: npt.NDArray[np.floating], polygon: npt.NDArray[np.floating]) -> int:
    """How often the polygon goes round the point, by the sum of angles."""
    to = polygon - point
    angles = np.arctan2(to[:, 1], to[:, 0])
    steps = (np.diff(np.r_[angles, angles[0]]) + np.pi) % (2 * np.pi) - np.pi
    return round(float(steps.sum()) / (2 * np.pi))


def test_the_file_for_the_browser_holds_every_point_and_cluster(planted_once: Planted) -> None:
    clustering, xy = open_clustering(planted_once.workspace, RUN), cloud(1, planted_once.n)
    data = points_file(clustering, xy)
    (n,) = struct.unpack_from("<I", data)
    assert n == planted_once.n
    assert len(data) == 4 + 12 * n
    assert sys.byteorder == "little"
    np.testing.assert_array_equal(np.frombuffer(data, "<f4", n, 4), xy[:, 0])
    np.testing.assert_array_equal(np.frombuffer(data, "<f4", n, 4 + 4 * n), xy[:, 1])
    np.testing.assert_array_equal(np.frombuffer(data, "<i4", n, 4 + 8 * n), clustering.labels)


def test_only_the_last_clustering_can_be_mapped(planted: Planted) -> None:
    with pytest.raises(RunError, match="only the last clustering, 2"):
        project(planted.workspace, RUN, 1)
    assert planted.workspace.run_folder(RUN).projections() == []


@pytest.mark.slow  # compiles UMAP
def test_a_map_is_the_same_each_time_groups_lie_together_and_the_turn_is_kept(planted: Planted) -> None:
    workspace, folder = planted.workspace, planted.workspace.run_folder(RUN)
    first = project(workspace, RUN, sample=planted.n - 10)
    np.testing.assert_array_equal(project(workspace, RUN, sample=planted.n - 10), first)
    np.testing.assert_array_equal(folder.projection(2), first)
    assert first.shape == (planted.n, 2)
    assert np.abs(first).max() == pytest.approx(1)
    labels = planted.labels[2]
    near = [labels[np.argsort(((first - point) ** 2).sum(axis=1))[1:4]] for point in first]
    alike = np.mean([(row == label).mean() for row, label in zip(near, labels, strict=True)])
    assert alike > 0.75
    wanted = turned(first, 140, mirrored=True)
    folder.save_projection(1, wanted)
    assert agreement(project(workspace, RUN, sample=planted.n - 10), wanted) > 0.999
    assert agreement(first, wanted) < 0.9
