"""Stain normalisation brings differently stained tiles together, and leaves blank ones alone."""

from __future__ import annotations

import numpy as np
import pytest
from tessera.tiles.augment.stain import KINDS, fit_stain

H, E = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])


def tissue(haematoxylin: np.ndarray, eosin: np.ndarray, strength: float) -> np.ndarray:
    """The same nuclei and stroma under stains of given optical densities."""
    rng = np.random.default_rng(0)
    shares = rng.gamma(2.0, 0.4, (64, 64, 2)) * strength
    density = shares[..., :1] * haematoxylin + shares[..., 1:] * eosin + 0.05
    return np.clip(240 * np.exp(-density), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_two_stains_of_the_same_tissue_look_alike_afterwards(kind: str) -> None:
    first = tissue(H, E, 0.8)
    second = tissue(np.array([0.55, 0.75, 0.37]), np.array([0.15, 0.95, 0.27]), 1.3)
    before = np.abs(first.astype(float) - second).mean()
    looks = []
    for tile in (first, second):
        stain = fit_stain([tile], kind)
        assert stain is not None
        looks.append(stain.normalise(tile).astype(float))
        assert looks[-1].shape == tile.shape
    assert np.abs(looks[0] - looks[1]).mean() < before / 2


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_blank_tile_has_no_stain(kind: str) -> None:
    assert fit_stain([np.full((32, 32, 3), 245, np.uint8)], kind) is None


@pytest.mark.parametrize("kind", ["macenko", "vahadane"])
def test_one_colour_cannot_be_taken_apart(kind: str) -> None:
    assert fit_stain([np.full((32, 32, 3), (120, 60, 130), np.uint8)], kind) is None
