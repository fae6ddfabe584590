"""What the robust preset does to features before RCC.

Exact duplicates become one point, centre, PCA, one length for all.

RCC as published is neither scale- nor shift-invariant (reference/rcc.md, 2.1): lambda grows with the norm of X, which
is mostly its mean, and two of its thresholds are absolute. Centred rows of length sqrt(D) remove both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.learn.cluster.vectors import chunks, unit_rows

NORMALISE_FROM = 8  # dimensions; below, the length of a row is information, above it is mostly noise

Features = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Space:
    """An affine map of features into the space that RCC works in.

    Attributes:
        mean: float64 (D,).
        projection: float64 (D, d), None when no dimension is dropped.
        scale: the factor of all rows when rows are not normalised one by one, None when they are.
    """

    mean: npt.NDArray[np.float64]
    projection: npt.NDArray[np.float64] | None
    scale: float | None

    def apply(self, features: Features) -> npt.NDArray[np.float32]:
        """Features (n, D) in that space, float32 (n, d)."""
        size = features.shape[1] if self.projection is None else self.projection.shape[1]
        out = np.empty((len(features), size), np.float32)
        for part in chunks(len(features)):
            centred = (np.asarray(features[part], np.float64) - self.mean).astype(np.float32)
            moved = centred if self.projection is None else centred @ self.projection.astype(np.float32)
            out[part] = unit_rows(moved, np.sqrt(size)) if self.scale is None else moved * np.float32(self.scale)
        return out


def fit_space(features: Features, dimensions: int) -> Space:
    """Centre, PCA to `dimensions` without whitening, rows of length sqrt(d); in chunks, sums in float64.

    Below 8 dimensions rows keep their relative lengths and the whole matrix is scaled to a root mean square of one.

    Args:
        features: (N, D), finite.
        dimensions: kept at most; 0 keeps all.
    """
    n, size = features.shape
    mean = np.zeros(size)
    for part in chunks(n):
        mean += np.asarray(features[part], np.float64).sum(axis=0)
    mean /= n
    projection = None
    if 0 < dimensions < size:
        values, vectors = np.linalg.eigh(_covariance(features, mean))
        projection = vectors[:, np.argsort(values)[::-1][:dimensions]]
    if min(size, dimensions or size) >= NORMALISE_FROM:
        return Space(mean, projection, None)
    plain = Space(mean, projection, 1.0).apply(features)
    spread = float(np.sqrt(np.mean(plain.astype(np.float64) ** 2)))
    return Space(mean, projection, 1.0 / spread if spread > 0 else 1.0)


def distinct_rows(features: Features) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First occurrence of every distinct row, and the place of each row in that list.

    Blank tiles have identical features by the thousand; as points of a k-NN graph they would be neighbours only of one
    another, in an order that depends on the index.

    Args:
        features: (N, D), any dtype.

    Returns:
        int64 (M,) row numbers, ascending, and int64 (N,), so that features[first[place]] equals features.
    """
    codes = np.concatenate([_hash(features[part]) for part in chunks(len(features))])
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    if len(first) == len(features):
        return np.arange(len(features)), np.arange(len(features))
    kept = first[place]
    differs = np.flatnonzero(kept != np.arange(len(kept)))
    collided = differs[(features[differs] != features[kept[differs]]).any(axis=1)]
    kept[collided] = collided  # two rows of one code that differ after all: each stands for itself
    first, place = np.unique(kept, return_inverse=True)
    return first, place


def _hash(rows: Features) -> npt.NDArray[np.uint64]:
    """A code of each row from its bits, exact whatever the position (a float product is not), uint64 (n,)."""
    plain = np.ascontiguousarray(rows + rows.dtype.type(0))  # minus zero becomes zero
    bits: npt.NDArray[Any] = plain.view(f"u{rows.dtype.itemsize}")
    odd = np.asarray(
        np.random.default_rng(0).integers(0, 2**63, bits.shape[1], dtype=np.uint64), np.uint64
    ) * np.uint64(2) + np.uint64(1)
    code = np.zeros(len(bits), np.uint64)
    for column in range(bits.shape[1]):
        mixed = (bits[:, column].astype(np.uint64) + odd[column]) * odd[column]
        code += mixed ^ (mixed >> np.uint64(31))
    return code


def _covariance(features: Features, mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.zeros((features.shape[1], features.shape[1]))
    for part in chunks(len(features)):
        centred = (np.asarray(features[part], np.float64) - mean).astype(np.float32)
        total += centred.T @ centred
    return total
