"""Rows in chunks, of one length, and their means by label, against numpy without chunks."""

from __future__ import annotations

import numpy as np
import pytest
from tessera.learn.cluster import vectors
from tessera.learn.cluster.lloyd import lloyd, nearest_rows


@pytest.mark.parametrize("chunk", [7, 1000])
def test_means_and_sums_by_label_are_those_of_all_rows_at_once(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "CHUNK", chunk)
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(50, 3)).astype(np.float16), rng.integers(-1, 4, 50).astype(np.int32)
    masses = rng.integers(1, 9, 50)
    means = vectors.class_means(points, labels, 5, masses)
    for label in range(4):
        own = labels == label
        np.testing.assert_allclose(means[label], np.average(points[own], axis=0, weights=masses[own]), rtol=1e-3)
    assert (means[4] == 0).all()
    sums, totals = vectors.class_sums(points, labels, 2, rows=slice(10, 30))
    part = points[10:30].astype(np.float64)[labels[10:30] == 1]
    np.testing.assert_allclose(sums[1], part.sum(axis=0))
    assert totals[1] == len(part)


def test_rows_get_one_length_and_zeros_stay_zero() -> None:
    rows = vectors.unit_rows(np.array([[3, 4], [0, 0]], np.float16), 2.0)
    np.testing.assert_allclose(rows, [[1.2, 1.6], [0, 0]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_chunks_cover_each_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "CHUNK", 4)
    assert [list(range(part.start, part.stop)) for part in vectors.chunks(9, 2)] == [[2, 3, 4, 5], [6, 7, 8]]
    assert list(vectors.chunks(0)) == []


def test_lloyd_finds_separate_blobs_and_the_nearest_row_is_that_of_all_distances() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(300) % 3
    points = (np.eye(3)[truth] * 10 + rng.normal(size=(300, 3))).astype(np.float32)
    centroids = lloyd(points, 3, seed=1, iterations=10, start=points[:3])
    rows, squared = nearest_rows(points, centroids)
    exact = ((points[:, None] - centroids) ** 2).sum(axis=2)
    assert (rows == exact.argmin(axis=1)).all()
    np.testing.assert_allclose(squared, exact.min(axis=1), rtol=1e-3, atol=1e-3)
    assert len({(a, b) for a, b in zip(rows, truth, strict=True)}) == 3
