"""Coherence and join counts on drawn grids: regions, confetti, chance by shuffling."""

from __future__ import annotations

import numpy as np
import pytest
from tessera.learn.evaluate.spatial import coherence, join_counts, touching
from tessera.tiles.store import TileIndex

SIDE = 224


def grid(columns: int, rows: int, slides: int = 1, *, step: int = SIDE, seed: int = 0) -> TileIndex:
    """Slides full of tiles, in any order."""
    slide, y, x = (part.ravel() for part in np.meshgrid(range(slides), range(rows), range(columns), indexing="ij"))
    order = np.random.default_rng(seed).permutation(len(slide))
    slide, x, y = (part[order].astype(np.int32) for part in (slide, 1000 + x * step, 37 + y * step))
    return TileIndex(slide, x, y, np.full(len(slide), SIDE, np.int32), np.full(len(slide), -1, np.int16))


def test_touching_tiles_are_those_that_share_a_side() -> None:
    index = grid(4, 3, slides=2)
    pairs = touching(index)
    assert len(pairs) == 2 * (3 * 3 + 4 * 2)
    assert (index.slide[pairs[:, 0]] == index.slide[pairs[:, 1]]).all()
    apart = np.abs(index.x0[pairs[:, 0]] - index.x0[pairs[:, 1]]) + np.abs(
        index.y0[pairs[:, 0]] - index.y0[pairs[:, 1]]
    )
    assert (apart == SIDE).all()
    assert len(touching(grid(4, 3, step=SIDE // 2))) == 3 * 3 + 4 * 2  # overlapping tiles


def test_ready_made_tiles_touch_none() -> None:
    zeros = np.zeros(9, np.int32)
    index = TileIndex(zeros, zeros, zeros, np.full(9, SIDE, np.int32), np.zeros(9, np.int16))
    assert len(touching(index)) == 0
    assert coherence(zeros, zeros, touching(index)) is None
    assert len(touching(grid(1, 1))) == 0


def test_regions_are_coherent_and_confetti_is_not() -> None:
    index = grid(20, 20, slides=2)
    pairs, slides = touching(index), index.slide
    left = (index.x0 > 1000 + 10 * SIDE - 1).astype(np.int32)
    regions = coherence(left, slides, pairs)
    assert regions is not None
    assert regions.share == pytest.approx(1 - 20 / (2 * 19 * 20))
    assert regions.chance == pytest.approx(199 / 399)
    assert regions.coherence == pytest.approx((regions.share - regions.chance) / (1 - regions.chance))
    shuffled = coherence(np.random.default_rng(0).permutation(left), slides, pairs)
    assert shuffled is not None
    assert abs(shuffled.coherence) < 0.1
    by_slide = coherence(slides, slides, pairs)  # a cluster that is a slide is no region: chance within slides is 1
    assert by_slide is not None
    assert by_slide.coherence == pytest.approx(0, abs=1e-6)


def test_tiles_without_a_cluster_are_left_out() -> None:
    index = grid(10, 10)
    labels = (index.x0 > 1000 + 4 * SIDE).astype(np.int32)
    labels[index.y0 > 37 + 4 * SIDE] = -1
    found = coherence(labels, index.slide, touching(index))
    assert found is not None
    assert found.pairs == 9 * 5 + 10 * 4


def test_join_counts_by_chance_are_those_of_shuffled_tiles() -> None:
    index = grid(12, 12, slides=2)
    pairs, rng = touching(index), np.random.default_rng(0)
    labels = rng.choice(3, len(index), p=[0.5, 0.3, 0.2]).astype(np.int32)
    counts = []
    for _ in range(400):
        shuffled = labels.copy()
        for slide in (0, 1):
            shuffled[index.slide == slide] = rng.permutation(labels[index.slide == slide])
        counts.append([joins.joins for joins in join_counts(shuffled, index.slide, pairs)])
    found = join_counts(labels, index.slide, pairs)
    np.testing.assert_allclose(np.mean(counts, axis=0), [joins.expected for joins in found], rtol=0.03)
    spread = [(joins.joins - joins.expected) / joins.z for joins in found]
    np.testing.assert_allclose(np.std(counts, axis=0), spread, rtol=0.15)
