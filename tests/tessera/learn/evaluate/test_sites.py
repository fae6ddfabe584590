"""What clusters tell of slides and sites: with few and with many of them."""

from __future__ import annotations

import numpy as np
import pytest
from tessera.learn.evaluate.metrics import ami
from tessera.learn.evaluate.sites import (
    information,
    neighbour_index,
    one_place_clusters,
    own_site_neighbours,
    tissue_above_site,
)


def followed(n_slides: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of which a share is decided by the slide, 20 tiles each."""
    rng = np.random.default_rng(seed)
    slides = np.repeat(np.arange(n_slides), 20).astype(np.int32)
    by_slide, free = rng.integers(0, 10, n_slides)[slides], rng.integers(0, 10, len(slides))
    return np.where(rng.random(len(slides)) < share, by_slide, free).astype(np.int32), slides


def test_information_with_slides_does_not_weaken_with_their_number_as_ami_does() -> None:
    """Fault 9: with 1,000 slides the AMI of the same dependence is below the old alarm's .3."""
    few, many = (followed(n, 0.75) for n in (20, 1000))
    assert ami(*many, np.random.default_rng(0)) < 0.3
    for case in (few, many):
        assert information(*case).above_chance > 0.4
    assert information(*followed(1000, 0)).above_chance < 0.02
    assert information(*followed(1000, 0)).share > 0.1  # which is chance alone


def test_information_of_nothing_is_none() -> None:
    one = np.zeros(10, np.int32)
    assert information(one, np.arange(10, dtype=np.int32)).share == 0
    assert information(np.arange(10, dtype=np.int32) % 2, one).above_chance == 0
    assert information(np.full(10, -1, np.int32), one).share == 0


def test_a_cluster_of_one_site_is_flagged_unless_nearly_all_tiles_are_from_there() -> None:
    clusters = np.repeat([0, 1, 2], 100).astype(np.int32)
    sites = np.concatenate([np.repeat([0, 1], 50), np.zeros(95), np.ones(5), np.arange(100) % 2]).astype(np.int32)
    assert one_place_clusters(clusters, sites) == {1: (0, 0.95)}
    assert one_place_clusters(clusters, np.where(np.arange(300) < 295, 0, 1).astype(np.int32)) == {}


def test_clusters_of_tissue_score_above_zero_and_those_of_sites_below() -> None:
    rng = np.random.default_rng(0)
    tissue, sites = rng.integers(0, 3, 600).astype(np.int32), rng.integers(0, 4, 600).astype(np.int32)
    assert tissue_above_site(tissue, tissue, sites) > 0.95
    assert tissue_above_site(sites, tissue, sites) < -0.95
    centres = rng.normal(size=(3, 8)) * 5
    points = centres[tissue] + rng.normal(size=(600, 8))
    found = neighbour_index(points, tissue, sites)
    assert found is not None
    assert found.index > 0.99
    assert found.worst_tenth <= found.index
    by_site = neighbour_index((rng.normal(size=(4, 8)) * 5)[sites] + rng.normal(size=(600, 8)), tissue, sites)
    assert by_site is not None
    assert by_site.index < 0.01
    own = own_site_neighbours(points, sites)
    assert own.share == pytest.approx(own.chance, abs=0.03)
