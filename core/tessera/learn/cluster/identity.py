"""Cluster identity: new clusters are matched to old ones by overlap, so that ids, colours and names persist."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

Labels = npt.NDArray[np.int32]
_DENSE_LIMIT = 4000


def contingency(first: Labels, second: Labels) -> sp.csr_matrix:
    """How many tiles have label i in `first` and j in `second`; tiles that lack either (-1) are left out."""
    both = (first >= 0) & (second >= 0)
    ones = np.ones(int(both.sum()), np.int64)
    shape = (int(first.max(initial=-1)) + 1, int(second.max(initial=-1)) + 1)
    return sp.coo_matrix((ones, (first[both], second[both])), shape=shape).tocsr()


def persistent_ids(rows: Labels, n_rows: int, previous: Labels | None) -> npt.NDArray[np.int32]:
    """Give every new cluster the id of the old one that it overlaps most (Hungarian), or a new id.

    Args:
        rows: int32 (N,), new cluster (0..n_rows-1) of every tile.
        n_rows: number of new clusters.
        previous: int32 (N,), persistent ids of the last interval; None at the first.

    Returns:
        int32 (n_rows,), the persistent id of each new cluster, all different.
    """
    if previous is None or previous.max(initial=-1) < 0:
        return np.arange(n_rows, dtype=np.int32)
    overlap = contingency(rows, previous)
    overlap.resize(n_rows, overlap.shape[1])
    new, old = _match(overlap)
    shared = np.asarray(overlap[new, old]).ravel() > 0
    ids = np.full(n_rows, -1, np.int32)
    ids[new[shared]] = old[shared]
    lost = np.flatnonzero(ids < 0)
    ids[lost] = int(previous.max()) + 1 + np.arange(len(lost))
    return ids


def _match(overlap: sp.csr_matrix) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The one-to-one matching with the largest total overlap."""
    if max(overlap.shape) <= _DENSE_LIMIT:
        new, old = linear_sum_assignment(overlap.toarray(), maximize=True)
        return np.asarray(new), np.asarray(old)
    # sparse: a private, nearly worthless column for every row makes a full matching exist
    fallback = sp.identity(overlap.shape[0], format="csr") * 0.5
    new, old = min_weight_full_bipartite_matching(sp.hstack([overlap.astype(float), fallback]).tocsr(), maximize=True)
    real = old < overlap.shape[1]
    return np.asarray(new[real]), np.asarray(old[real])
