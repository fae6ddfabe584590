"""What a name is worth: clusters named on some slides, scored on others; and what an AMI can reach at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from tessera.learn.cluster.identity import contingency
from tessera.learn.evaluate.metrics import entropy, expected_mutual_information

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class CarryOver:
    """Leave-group-out many-to-one accuracy.

    Attributes:
        carry_over: share of tiles whose cluster, named by the labels of all *other* groups' tiles, has their label.
        unnamed: share of tiles whose cluster no other group has; they count as wrong.
    """

    carry_over: float
    unnamed: float


def carry_over(clusters: Labels, labels: Labels, groups: npt.NDArray[np.integer]) -> CarryOver:
    """How often a name that was given on some slides is right on the others.

    A high AMI may only say that clusters find the groups, where every group holds one class; this figure does not fall
    for it. A tie between names goes to the lower label.

    Args:
        clusters: int32 (N,).
        labels: int32 (N,), ground truth.
        groups: int (N,), slide or patient of each tile.
    """
    rows, cluster = np.unique(clusters, return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    whole = np.zeros((len(rows), len(classes)), np.int64)
    np.add.at(whole, (cluster, label), 1)
    _, group = np.unique(groups, return_inverse=True)
    pairs, pair = np.unique(group.astype(np.int64) * len(rows) + cluster, return_inverse=True)
    own = np.zeros((len(pairs), len(classes)), np.int64)
    np.add.at(own, (pair, label), 1)
    others = whole[pairs % len(rows)] - own  # of each (group, cluster): its labels in all other groups
    named = others.sum(axis=1) > 0
    names = np.where(named, others.argmax(axis=1), -1)
    right = own[np.arange(len(own)), names.clip(0)][named].sum()
    return CarryOver(float(right / len(labels)), float(own[~named].sum() / len(labels)))


def matched(clusters: Labels, labels: Labels) -> tuple[float, float]:
    """Accuracy when each class gets one cluster (Hungarian), and when each cluster gets its commonest (many-to-one).

    With more clusters than classes the first leaves all further clusters out, so that it falls with K whatever they
    hold.
    """
    table = contingency(clusters, labels).toarray()
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum()), float(table.max(axis=1).sum() / table.sum())


def ami_ceiling(labels: Labels, n_clusters: int) -> float:
    """The AMI with these labels of `n_clusters` clusters that are pure and as even as classes allow.

    Args:
        labels: int32 (N,), ground truth.
        n_clusters: K.

    Returns:
        1 when K is the number of classes and they are even; about .70 for K = 20 and five classes. With fewer clusters
        than classes, whole classes are put together, largest to smallest cluster.
    """
    classes = np.bincount(labels[labels >= 0])
    classes = np.sort(classes[classes > 0])[::-1]
    if n_clusters < len(classes):
        table = np.zeros((n_clusters, len(classes)), np.int64)
        for column, size in enumerate(classes):
            table[table.sum(axis=1).argmin(), column] = size
    else:
        table = _split(classes, n_clusters)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    rows = rows[rows > 0]
    if len(rows) <= 1 and len(columns) <= 1:
        return 1.0
    chance = expected_mutual_information(rows, columns)
    shared = entropy(rows) + entropy(columns) - entropy(table[table > 0])
    mean = (entropy(rows) + entropy(columns)) / 2
    return float((shared - chance) / max(mean - chance, 1e-12))


def _split(classes: npt.NDArray[np.int64], n_clusters: int) -> npt.NDArray[np.int64]:
    """Sizes (K, C) of pure clusters: each class gets one, and the class with the largest clusters the next."""
    parts = np.ones(len(classes), np.int64)
    for _ in range(n_clusters - len(classes)):
        parts[(classes / parts).argmax()] += 1
    table = np.zeros((n_clusters, len(classes)), np.int64)
    row = 0
    for column, (size, n) in enumerate(zip(classes.tolist(), parts.tolist(), strict=True)):
        table[row : row + n, column] = size // n + (np.arange(n) < size % n)
        row += n
    return table
