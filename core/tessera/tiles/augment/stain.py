"""Stain normalisation of H&E tiles: Reinhard, Macenko and Vahadane, towards one fixed look.

Written from the papers, because the libraries known by name are unmaintained or large. A stain is fitted on a few tiles
of one slide (or on one tile) and any tile of it is then brought to the target.

- Reinhard et al., "Color transfer between images", 2001: mean and spread of each channel. Deviation: CIELAB instead of
  their l-alpha-beta, and tissue pixels only.
- Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009: the two stain
  directions are the extreme angles (1st and 99th percentile) in the plane of largest variance of optical density.
- Vahadane et al., "Structure-preserving color normalization and sparse stain separation", IEEE TMI 2016: the two
  directions by a sparse non-negative factorisation. Deviation: multiplicative updates (Lee and Seung 2001, with an L1
  penalty on concentrations) stand for the dictionary learning of SPAMS.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

KINDS = ("none", "reinhard", "macenko", "vahadane")

Tile = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

_WHITE = 240.0  # light that passes through glass
_TISSUE_OD = 0.15  # optical density of each channel, below which a pixel is background (Macenko et al., beta)
_ANGLES = (1, 99)  # percentiles
_TOP = 99  # percentile of the concentration that is brought to that of the target
_PIXELS = 20_000
_SPARSITY, _STEPS = 0.1, 100  # penalty on concentrations (Vahadane et al., lambda), and updates

# Macenko's published reference: unit optical densities of haematoxylin and eosin, and their 99th percentiles
_TARGET_STAINS = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]], np.float32)
_TARGET_TOP = np.array([1.9705, 1.0308], np.float32)
# CIELAB of 8 bits: mean over the tissue of 400 H&E tiles of colon and lung
_TARGET_LAB_MEAN = np.array([117.0, 163.0, 99.0], np.float32)
_TARGET_LAB_SPREAD = np.array([28.0, 7.0, 7.0], np.float32)


@dataclass(frozen=True)
class Stain:
    """How a slide is stained.

    Attributes:
        kind: reinhard, macenko or vahadane.
        first: reinhard: mean of CIELAB (3,); else unit optical densities of haematoxylin and eosin (2, 3).
        second: reinhard: spread of CIELAB (3,); else 99th percentile of each concentration (2,).
    """

    kind: str
    first: F32
    second: F32

    def normalise(self, tile: Tile) -> Tile:
        """A tile of the slide in the colours of the target.

        Args:
            tile: uint8 (H, W, 3), RGB.
        """
        if self.kind == "reinhard":
            lab = cv2.cvtColor(tile, cv2.COLOR_RGB2LAB).astype(np.float32)
            moved = (lab - self.first) / self.second * _TARGET_LAB_SPREAD + _TARGET_LAB_MEAN
            tissue = np.clip(_density(tile).mean(axis=2, keepdims=True) / _TISSUE_OD, 0, 1)  # glass stays as it is
            coloured = cv2.cvtColor(_bytes(moved), cv2.COLOR_LAB2RGB)
            return _bytes(tissue * coloured + (1 - tissue) * tile)
        shares = _concentrations(_density(tile).reshape(-1, 3), self.first) * (_TARGET_TOP / self.second)
        return _bytes(_WHITE * np.exp(-shares @ _TARGET_STAINS)).reshape(tile.shape)


def fit_stain(tiles: list[Tile], kind: str, seed: int = 0) -> Stain | None:
    """The stain of one slide.

    Args:
        tiles: some of its tiles, uint8 (H, W, 3), RGB.
        kind: reinhard, macenko or vahadane.
        seed: of the sample of 20,000 pixels.

    Returns:
        None when there is too little tissue to tell, or only one colour: such tiles stay as they are.
    """
    pixels = np.concatenate([tile.reshape(-1, 3) for tile in tiles])
    rng = np.random.default_rng(seed)
    pixels = pixels[rng.choice(len(pixels), min(len(pixels), _PIXELS), replace=False)]
    density = _density(pixels)
    tissue = (density.mean(axis=1) if kind == "reinhard" else density.min(axis=1)) > _TISSUE_OD
    if tissue.sum() < 100:
        return None
    if kind == "reinhard":
        lab = cv2.cvtColor(pixels[tissue][None], cv2.COLOR_RGB2LAB)[0].astype(np.float32)
        return Stain(kind, lab.mean(axis=0), np.maximum(lab.std(axis=0), 1.0))
    stains = _angles(density[tissue]) if kind == "macenko" else _factors(density[tissue])
    if stains is None:
        return None
    top = np.percentile(_concentrations(density[tissue], stains), _TOP, axis=0)
    return Stain(kind, stains, np.maximum(top, 1e-2).astype(np.float32))


def _density(pixels: Tile) -> F32:
    """Optical density, natural logarithm, not below 0."""
    light = np.maximum(pixels.astype(np.float32), 1.0)
    return np.maximum(-np.log(light / _WHITE), 0.0).astype(np.float32)


def _angles(density: F32) -> F32 | None:
    values, vectors = np.linalg.eigh(np.cov(density.T))
    if values[-2] < 1e-6:  # one colour
        return None
    plane = vectors[:, [2, 1]]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1, 1)  # towards more stain
    angle = np.arctan2(density @ plane[:, 1], density @ plane[:, 0])
    ends = np.percentile(angle, _ANGLES)
    return _ordered(np.stack([plane @ [np.cos(end), np.sin(end)] for end in ends]))


def _factors(density: F32) -> F32 | None:
    stains = _angles(density)
    if stains is None:
        return None
    stains = np.maximum(stains, 1e-3)
    shares = np.maximum(_concentrations(density, stains), 1e-3)  # (n, 2)
    for _ in range(_STEPS):
        shares *= (density @ stains.T) / (shares @ (stains @ stains.T) + _SPARSITY)
        stains *= (shares.T @ density) / np.maximum((shares.T @ shares) @ stains, 1e-9)
        norms = np.maximum(np.linalg.norm(stains, axis=1, keepdims=True), 1e-9)
        stains, shares = stains / norms, shares * norms.T
    return _ordered(stains)


def _ordered(stains: npt.NDArray[np.floating]) -> F32 | None:
    """Unit rows, haematoxylin (which takes more red) first."""
    stains = np.maximum(stains, 0)
    norms = np.linalg.norm(stains, axis=1, keepdims=True)
    if (norms < 1e-6).any():
        return None
    unit = (stains / norms).astype(np.float32)
    return unit if unit[0, 0] >= unit[1, 0] else unit[::-1].copy()


def _concentrations(density: F32, stains: F32) -> F32:
    """Amount of each stain in each pixel (n, 2), by least squares, not below 0."""
    return np.maximum(density @ np.linalg.pinv(stains), 0).astype(np.float32)


def _bytes(values: npt.NDArray[np.floating]) -> Tile:
    return np.asarray(np.clip(np.round(values), 0, 255), np.uint8)
