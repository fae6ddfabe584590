"""Normalisations of features before clustering, fitted on a sample and applied in a stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import RunError

EIGENVALUE_FLOOR = 1e-5  # of the largest, as DeeperCluster does: dead dimensions must not become infinite
_NORM_FLOOR = 1e-8

Features = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Normalisation:
    """Centre, project, scale to unit length.

    Attributes:
        mean: float64 (D,).
        projection: float64 (D, d).
        explained: share of the variance that is kept.
    """

    mean: npt.NDArray[np.float64]
    projection: npt.NDArray[np.float64]
    explained: float

    def apply(self, features: Features) -> npt.NDArray[np.float32]:
        """Unit vectors, float32 (n, d), of features (n, D); a row of zero length stays zero."""
        projected = (features.astype(np.float32) - self.mean.astype(np.float32)) @ self.projection.astype(np.float32)
        norms = np.linalg.norm(projected, axis=1, keepdims=True)
        return projected / np.maximum(norms, _NORM_FLOOR)


def fit_normalisation(features: Features, kind: str, dimensions: int) -> Normalisation:
    """Fit on a sample of features.

    pca-whiten is DeepCluster's (Caron et al. 2018, section 4: PCA to 256, whitening, L2), with covariance in float64 and a
    floor under the eigenvalues, which the original lacks. centre-scale divides by the standard deviation instead.

    Args:
        features: (n, D).
        kind: pca-whiten, centre-scale or none.
        dimensions: at most this many are kept by pca-whiten.

    Raises:
        RunError: features are not finite.
    """
    if not np.isfinite(features).all():
        raise RunError("features are not finite: training has diverged; lower learning_rate and start again")
    exact = features.astype(np.float64)
    mean = exact.mean(axis=0)
    size = exact.shape[1]
    if kind == "none":
        return Normalisation(np.zeros(size), np.eye(size), 1.0)
    if kind == "centre-scale":
        spread = exact.std(axis=0)
        floor = max(float(spread.max()) * EIGENVALUE_FLOOR**0.5, _NORM_FLOOR)
        return Normalisation(mean, np.diag(1 / np.maximum(spread, floor)), 1.0)
    centred = exact - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(exact) - 1, 1))
    order = np.argsort(values)[::-1][:dimensions]
    kept = values[order]
    scale = 1 / np.sqrt(np.maximum(kept, max(kept[0] * EIGENVALUE_FLOOR, _NORM_FLOOR)))
    # the sign of an eigenvector is arbitrary: fix it, so that the same features give the same projection everywhere
    signs = np.sign(vectors[np.abs(vectors[:, order]).argmax(axis=0), order])
    total = float(values.clip(0).sum())
    return Normalisation(mean, vectors[:, order] * (signs * scale), float(kept.sum()) / total if total > 0 else 0.0)
