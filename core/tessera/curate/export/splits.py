"""Train, validation and test sets that share no patient, with classes in about the same shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.errors import TesseraError

SPLITS = ("train", "validation", "test")

Codes = npt.NDArray[np.int64]


def split_by_group(groups: Codes, classes: Codes, shares: tuple[float, float, float], seed: int) -> Codes:
    """Put whole groups (patients) into splits.

    Groups go one by one, the largest first, to the split that lacks most of what they have; a split with a share above
    zero gets at least one.

    Args:
        groups: int64 (M,), group of each tile, 0 to G-1.
        classes: int64 (M,), class of each tile, 0 to C-1.
        shares: of tiles for train, validation and test; they sum to 1.
        seed: decides between groups of equal size.

    Returns:
        int64 (M,), position in `SPLITS`.

    Raises:
        TesseraError: fewer groups than splits.
    """
    table = np.zeros((int(groups.max(initial=-1)) + 1, int(classes.max(initial=-1)) + 1))
    np.add.at(table, (groups, classes), 1)
    wanted = np.flatnonzero(np.asarray(shares) > 0)
    if len(table) < len(wanted):
        raise TesseraError(
            f"{len(wanted)} splits need as many patients, but the tiles come from {len(table)}: set fewer aside"
        )
    order = np.random.default_rng(seed).permutation(len(table))
    order = order[np.argsort(-table[order].sum(axis=1), kind="stable")]
    whole = np.maximum(table.sum(axis=0), 1)
    lacking = np.outer(shares, table.sum(axis=0)) / whole  # (3, C), in shares of each class
    split_of, empty = np.zeros(len(table), np.int64), set(wanted.tolist())
    for i, group in enumerate(order):
        open_to = sorted(empty) if len(order) - i <= len(empty) else wanted.tolist()
        has = table[group] / whole
        gains = [float(has @ lacking[split] - 0.5 * has @ has) for split in open_to]
        chosen = open_to[int(np.argmax(gains))]
        split_of[group] = chosen
        lacking[chosen] -= has
        empty.discard(chosen)
    return split_of[groups]
