from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tessera.curate.export.sample import balanced_sample, distance_bins
from tessera.curate.export.splits import split_by_group
from tessera.explore.clustering import Clustering, open_clustering
from tessera.runs.rows import Run
from tessera.tiles.store import TileIndex, TileStore
from tessera.workspace.folder import Workspace


def a_view(labels: np.ndarray, distances: np.ndarray, slides: np.ndarray) -> Clustering:
    ids, sizes = np.unique(labels, return_counts=True)
    index = TileIndex(slides, slides, slides, slides, slides.astype(np.int16))
    nowhere = Path("nowhere")
    about = {"config_json": "{}", "digest": "", "state": "finished", "requested": "run", "phase": "", "message": ""}
    times = {"created": 0.0, "started": 0.0, "finished": 0.0, "progress": 0.0, "rate": 0.0}
    counts = {"id": 1, "n_tiles": len(labels), "store_version": 1, "interval": 0}
    run = Run(workspace=Workspace(nowhere), name="r", alive=False, **about, **times, **counts)  # type: ignore[arg-type]
    return Clustering(run, 0, labels, distances, ids, sizes, index, TileStore(nowhere))


def test_bins_are_equally_full_and_ordered_within_each_cluster(ready: Workspace) -> None:
    clustering = open_clustering(ready, "r")
    clustering = replace(clustering, distances=np.random.default_rng(0).random(120).astype(np.float16))
    tiles = np.arange(120)
    bins = distance_bins(clustering, tiles, 5)
    for cluster in range(6):
        own = clustering.labels == cluster
        assert np.bincount(bins[own], minlength=5).tolist() == [4] * 5
        by_bin = [clustering.distances[own & (bins == number)] for number in range(5)]
        assert all(a.max() <= b.min() for a, b in itertools.pairwise(by_bin))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(1, 8))
def test_a_sample_has_its_size_and_takes_evenly(seed: int, n: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 300))

    labels, slides = rng.integers(0, 3, size).astype(np.int32), rng.integers(0, 5, size).astype(np.int32)
    clustering = a_view(labels, rng.random(size).astype(np.float16), slides)
    tiles = np.flatnonzero(np.isin(clustering.labels, [0, 2]))
    found = balanced_sample(clustering, [0, 2], n, bins=bins, rng=rng)
    assert len(found) == min(n, len(tiles))
    assert len(set(found.tolist())) == len(found)
    assert set(found.tolist()) <= set(tiles.tolist())
    if len(tiles):
        all_bins = distance_bins(clustering, tiles, bins)
        available = np.bincount(all_bins, minlength=bins)
        taken = np.bincount(all_bins[np.searchsorted(tiles, found)], minlength=bins)
        short = taken < available
        assert not short.any() or taken[short].max() - taken[short].min() <= 1  # those not emptied are level
        assert not short.any() or taken.max() <= taken[short].min() + 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40))
def test_splits_share_no_group_and_each_has_one(seed: int, n_groups: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, 300)])
    classes = rng.integers(0, 4, len(groups))
    splits = split_by_group(groups, classes, (0.6, 0.2, 0.2), seed=1)
    for group in range(n_groups):
        assert len(set(splits[groups == group].tolist())) == 1
    assert set(splits.tolist()) == {0, 1, 2}
    np.testing.assert_array_equal(splits, split_by_group(groups, classes, (0.6, 0.2, 0.2), seed=1))


def test_splits_come_near_their_shares_in_every_class() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 80, 8000)
    classes = (groups % 4 + (rng.random(8000) < 0.3)) % 4  # groups differ in what they are made of
    splits = split_by_group(groups, classes, (0.7, 0.15, 0.15), seed=0)
    for code in range(4):
        shares = np.bincount(splits[classes == code], minlength=3) / (classes == code).sum()
        assert shares == pytest.approx([0.7, 0.15, 0.15], abs=0.05)
