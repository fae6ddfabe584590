"""Rows of vectors, written once: in chunks, to one length, and their means by label. numpy only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

CHUNK = 65_536  # rows: 64 MB at 256 dimensions in float32
_SMALLEST = 1e-12  # length that a row is divided by at least

Points = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int32]
Masses = npt.NDArray[np.int64]


def chunks(stop: int, start: int = 0) -> Iterator[slice]:
    """The rows `start` to `stop` in slices of at most `CHUNK`."""
    for first in range(start, stop, CHUNK):
        yield slice(first, min(first + CHUNK, stop))


def unit_rows(vectors: Points, length: float = 1.0) -> npt.NDArray[np.float32]:
    """Rows of one length, float32 (N, D); a row of zeros stays zero."""
    rows = np.asarray(vectors, np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows * (length / np.maximum(norms, _SMALLEST)), np.float32)


def class_sums(
    points: Points, labels: Labels, k: int, masses: Masses | None = None, rows: slice | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum of the points of each label and the mass behind it, in chunks.

    Args:
        points: (N, D), memory-mapped or not.
        labels: int32 (N,); what is not in 0..k-1 does not count.
        k: labels.
        masses: int64 (N,), weight of each point; one each if None.
        rows: the part of the points that counts; all if None.

    Returns:
        float64 (k, D) sums and float64 (k,) masses.
    """
    sums, totals = np.zeros((k, points.shape[1])), np.zeros(k)
    span = rows or slice(0, len(points))
    for part in chunks(span.stop, span.start):
        known = (labels[part] >= 0) & (labels[part] < k)
        own = labels[part][known]
        if not len(own):
            continue
        order = np.argsort(own, kind="stable")
        values, starts = np.unique(own[order], return_index=True)
        chunk = np.asarray(points[part], np.float64)[known][order]
        weights = None if masses is None else masses[part][known].astype(np.float64)
        if weights is not None:
            chunk *= weights[order][:, None]
        sums[values] += np.add.reduceat(chunk, starts, axis=0)
        totals += np.bincount(own, weights, minlength=k)
    return sums, totals


def class_means(points: Points, labels: Labels, k: int, masses: Masses | None = None) -> npt.NDArray[np.float32]:
    """Mean of the points of each label, sums in float64, float32 (k, D); 0 for a label without points."""
    sums, totals = class_sums(points, labels, k, masses)
    return (sums / np.maximum(totals, 1)[:, None]).astype(np.float32)
