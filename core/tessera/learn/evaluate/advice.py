"""What the figures say in words: alarms, and when to stop."""

from __future__ import annotations

import math

STOP_INTERVALS, STOP_RISE = 3, 0.005
_COLLAPSE_SHARE, _COLLAPSE_EVENNESS = 0.5, 0.5
_ALIKE = 1e-6  # mean squared distance to the centroid, of unit vectors
_STUCK = 0.01
_MIN_TILES_PER_CLUSTER = 50
_FOLLOWS = 0.3


def alarms(figures: dict[str, float], n_tiles: int, *, trained: bool = True) -> list[str]:
    """Warnings for one clustering.

    Args:
        figures: as measured (see `tessera.learn.train.trainer`).
        n_tiles: tiles in the run.
        trained: whether the encoder has been trained since it started.
    """
    found = []
    if collapsed(figures):
        if figures.get("objective", 1.0) < _ALIKE:
            remedy = "all tiles look the same to the encoder: look at the tiles"
        elif trained:
            remedy = "lower learning_rate, or choose balance=uniform"
        else:
            remedy = "the starting weights tell the tiles hardly apart: look at the tiles, or start from other weights"
        found.append(f"collapse: the largest cluster holds {figures['largest_share']:.0%} of all tiles; {remedy}")
    if n_tiles / figures["clusters"] < _MIN_TILES_PER_CLUSTER:
        found.append(
            f"only {n_tiles / figures['clusters']:.0f} tiles per cluster: fewer clusters, or more slides, make "
            "steadier classes"
        )
    for what in ("slide", "patient", "site"):
        follows = figures.get(f"ami_{what}", 0.0)
        if follows > _FOLLOWS and follows > figures.get("ami_labels", 0.0):
            found.append(
                f"clusters follow the {what} (AMI {follows:.2f}): they may be stain or scanner, not tissue; "
                "raise stain_jitter, or look at the composition of clusters before naming them"
            )
    return found


def collapsed(figures: dict[str, float]) -> bool:
    """Whether most tiles are in one cluster."""
    uneven = figures["entropy_ratio"] < _COLLAPSE_EVENNESS
    return uneven or (figures["largest_share"] > _COLLAPSE_SHARE and figures["clusters"] > 4)


def loss_alarm(loss: float, n_clusters: int) -> str | None:
    """Whether the loss says that nothing is learnt: a head that guesses has a loss of ln K."""
    chance = math.log(n_clusters)
    if abs(loss - chance) <= _STUCK * chance:
        return f"the loss is stuck at ln K = {chance:.2f}: nothing is learnt; raise learning_rate, or look at the tiles"
    return None


def stop_advice(nmi: list[float]) -> str | None:
    """The stop rule: advised when NMI(t, t-1) rose by less than 0.005 on average over the last three intervals.

    Args:
        nmi: NMI(t, t-1) of every interval so far.
    """
    if len(nmi) <= STOP_INTERVALS:
        return None
    rise = (nmi[-1] - nmi[-1 - STOP_INTERVALS]) / STOP_INTERVALS
    if rise >= STOP_RISE:
        return None
    return (
        f"NMI(t, t-1) is {nmi[-1]:.3f} and rose by {rise:.4f} an interval over the last {STOP_INTERVALS} "
        f"(rule: below {STOP_RISE}): the clusters have settled, more training will change little"
    )
