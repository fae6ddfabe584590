"""Normalisations of features before clustering, fitted on a sample in a stream and applied in a stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError

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


class Moments:
    """Mean and covariance of a stream of features, in float64.

    Sums are of differences to the first batch's mean, so that a large common part does not eat the digits.
    """

    def __init__(self) -> None:
        self.n = 0
        self._shift: npt.NDArray[np.float64] = np.zeros(0)
        self._sum: npt.NDArray[np.float64] = np.zeros(0)
        self._outer: npt.NDArray[np.float64] = np.zeros((0, 0))

    def add(self, features: Features) -> None:
        """Take in features (n, D).

        Raises:
            RunError: they are not finite.
        """
        if not np.isfinite(features).all():
            raise RunError("features are not finite: training has diverged; lower learning_rate and start again")
        exact = features.astype(np.float64)
        if self.n == 0:
            size = exact.shape[1]
            self._shift, self._sum, self._outer = exact.mean(axis=0), np.zeros(size), np.zeros((size, size))
        exact -= self._shift
        self.n += len(exact)
        self._sum += exact.sum(axis=0)
        self._outer += exact.T @ exact

    def join(self, other: Moments) -> None:
        """Take in what another stream of the same features saw (Chan et al. 1979, with both shifts)."""
        if other.n == 0:
            return
        if self.n == 0:
            self.n, self._shift, self._sum, self._outer = other.n, other._shift, other._sum.copy(), other._outer.copy()
            return
        apart = other._shift - self._shift
        cross = np.outer(apart, other._sum)
        self.n += other.n
        self._sum += other._sum + other.n * apart
        self._outer += other._outer + cross + cross.T + other.n * np.outer(apart, apart)

    @property
    def size(self) -> int:
        """Length of a feature vector."""
        return len(self._shift)

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """float64 (D,)."""
        return self._shift + self._sum / max(self.n, 1)

    @property
    def covariance(self) -> npt.NDArray[np.float64]:
        """float64 (D, D), divided by n - 1."""
        off = self._sum / max(self.n, 1)
        return (self._outer - self.n * np.outer(off, off)) / max(self.n - 1, 1)


def fit_normalisation(features: Features, kind: str, dimensions: int) -> Normalisation:
    """`finish_normalisation` on features (n, D) that are all there.

    Raises:
        RunError: features are not finite.
    """
    moments = Moments()
    moments.add(features)
    return finish_normalisation(moments, kind, dimensions)


def finish_normalisation(moments: Moments, kind: str, dimensions: int) -> Normalisation:
    """The normalisation that fits the moments.

    pca-whiten is DeepCluster's (Caron et al. 2018, section 4: PCA to 256, whitening, L2), with covariance in float64
    and a floor under the eigenvalues, which the original lacks. pca leaves the whitening out: neighbours in a whitened
    space are neighbours in its noise, and what clusters a graph of neighbours needs true ones. centre-scale divides by
    the standard deviation instead; centre does not; none leaves only the unit length.

    Args:
        moments: of a sample.
        kind: pca-whiten, pca, centre-scale, centre or none.
        dimensions: at most this many are kept by pca-whiten and pca.

    Raises:
        RunError: there are no features, since no tile could be read.
    """
    if moments.n == 0:
        raise RunError("not one tile could be read: look at the store with `tessera status`")
    size = moments.size
    if kind == "none":
        return Normalisation(np.zeros(size), np.eye(size), 1.0)
    if kind == "centre":
        return Normalisation(moments.mean, np.eye(size), 1.0)
    covariance = moments.covariance
    if kind == "centre-scale":
        spread = np.sqrt(np.diag(covariance).clip(0))
        floor = max(float(spread.max()) * EIGENVALUE_FLOOR**0.5, _NORM_FLOOR)
        return Normalisation(moments.mean, np.diag(1 / np.maximum(spread, floor)), 1.0)
    whitening = _whitening(moments.mean, covariance, dimensions)
    return unwhitened(whitening)[0] if kind == "pca" else whitening


def unwhitened(whitening: Normalisation) -> tuple[Normalisation, Normalisation]:
    """The same PCA without the whitening.

    Returns:
        It, and what makes rows that were whitened into those that it gives. Nothing is lost: of a row, whitening and
        scaling to unit length change axes and length alone.
    """
    lengths = np.linalg.norm(whitening.projection, axis=0)
    plain = Normalisation(whitening.mean, whitening.projection / lengths, whitening.explained)
    return plain, Normalisation(np.zeros(len(lengths)), np.diag(1 / lengths), whitening.explained)


def _whitening(mean: npt.NDArray[np.float64], covariance: npt.NDArray[np.float64], dimensions: int) -> Normalisation:
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][:dimensions]
    kept = values[order]
    scale = 1 / np.sqrt(np.maximum(kept, max(kept[0] * EIGENVALUE_FLOOR, _NORM_FLOOR)))
    # the sign of an eigenvector is arbitrary: fix it, so that the same features give the same projection everywhere
    signs = np.sign(vectors[np.abs(vectors[:, order]).argmax(axis=0), order])
    total = float(values.clip(0).sum())
    return Normalisation(mean, vectors[:, order] * (signs * scale), float(kept.sum()) / total if total > 0 else 0.0)
