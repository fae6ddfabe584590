"""Which tiles an interval trains on: draws over clusters, vectorised, indexed by tile number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]
_EXPONENT = {"natural": 0.0, "loss-weight": 0.0, "sqrt": -0.5, "uniform": -1.0}


def tile_weights(labels: Labels, balance: str, cap: float) -> npt.NDArray[np.float64]:
    """How often each tile is drawn, relative to its natural rate of 1.

    A tile of a cluster with n tiles gets n^e with e = 0 (natural), -1/2 (sqrt) or -1 (uniform over clusters, as
    DeepCluster means it, Caron et al. 2018, section 3.3); weights are then scaled to a mean of 1 and capped, so that
    twenty tiles with a pen mark are not repeated a hundred times.

    Args:
        labels: int32 (N,), -1 = unassigned, never drawn.
        balance: natural, sqrt, uniform or loss-weight (draws naturally, see `class_weights`).
        cap: largest weight.

    Returns:
        float64 (N,).
    """
    drawn = labels >= 0
    sizes = np.bincount(labels[drawn])
    weights = np.zeros(len(labels))
    weights[drawn] = sizes[labels[drawn]].astype(np.float64) ** _EXPONENT[balance]
    total = weights.sum()
    return weights if total == 0 else np.minimum(weights * (drawn.sum() / total), cap)


def draw(labels: Labels, n: int, *, balance: str, cap: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw `n` tile numbers in random order.

    Each tile appears floor or ceil of its expected count (systematic sampling over the cumulated weights), which has
    far less variance than drawing with replacement and covers every tile once when balance is natural and n = N.

    Args:
        labels: int32 (N,), cluster of each tile, -1 = leave out.
        n: number to return.
        balance: see `tile_weights`.
        cap: see `tile_weights`.
        rng: decides everything.

    Returns:
        int64 (n,), tile numbers; empty when no tile has a label or none is asked for.
    """
    cumulated = np.cumsum(tile_weights(labels, balance, cap))
    if n == 0 or len(cumulated) == 0 or cumulated[-1] == 0:
        return np.empty(0, np.int64)
    marks = (np.arange(n) + rng.random()) * (cumulated[-1] / n)
    ids = np.searchsorted(cumulated, marks, side="right").clip(0, len(labels) - 1)
    return rng.permutation(ids.astype(np.int64))


def class_weights(rows: npt.NDArray[np.integer], n_rows: int) -> npt.NDArray[np.float32]:
    """Weight of each head row in the loss, inverse to its cluster's size and 1 on average over tiles.

    Args:
        rows: (N,), head row of each tile, -1 = none.
        n_rows: number of head rows.

    Returns:
        float32 (n_rows,).
    """
    sizes = np.bincount(rows[rows >= 0], minlength=n_rows).astype(np.float64)
    present = sizes > 0
    weights = np.where(present, sizes.sum() / np.maximum(sizes, 1) / max(present.sum(), 1), 0)
    return weights.astype(np.float32)
