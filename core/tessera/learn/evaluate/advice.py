"""What the figures say in words: alarms, and when to stop."""

from __future__ import annotations

import math

STOP_INTERVALS, STOP_SLOPE, STOP_LEVEL = 3, 0.005, 0.8
_COLLAPSE_SHARE, _COLLAPSE_EVENNESS = 0.5, 0.5
_MANY_SHARE, _MANY_TIMES = 0.2, 20  # of many clusters: a fifth of all tiles in one, and 20 times the mean size
_FEW_FOUND = 5  # times fewer clusters than asked for
_GUESSES = 0.7  # entropy of the mean prediction / ln K, below which classes are forgotten
_ALIKE = 1e-6  # mean squared distance to the centroid, of unit vectors
_STUCK = 0.01
_MIN_TILES_PER_CLUSTER = 50
_FOLLOWS = 0.3  # of what clusters tell, told by the slide or site already, above chance


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
            remedy = "the starting weights hardly distinguish the tiles: look at the tiles, or start from other weights"
        found.append(f"collapse: the largest cluster holds {figures['largest_share']:.0%} of all tiles; {remedy}")
    if n_tiles / figures["clusters"] < _MIN_TILES_PER_CLUSTER:
        found.append(
            f"only {n_tiles / figures['clusters']:.0f} tiles per cluster: fewer clusters, or more slides, make "
            "steadier classes"
        )
    if text := _found_alarm(figures):
        found.append(text)
    return found + _place_alarms(figures)


def _found_alarm(figures: dict[str, float]) -> str | None:
    """Whether a clusterer that finds K found next to nothing, so that K says little."""
    free, largest = figures.get("clusters_found"), figures.get("largest_found", 0.0)
    if free is None or figures["clusters"] < _FEW_FOUND:
        return None
    if free * _FEW_FOUND <= figures["clusters"] or largest > _COLLAPSE_SHARE:
        plural = "s" if free != 1 else ""
        held = f", the largest with {largest:.0%} of all tiles" if largest else ""
        return (
            f"the clusterer by itself found only {free:.0f} cluster{plural}{held}: the {figures['clusters']:.0f} "
            "clusters were made from it by finer links and merging; look at them with care, or choose another clusterer"
        )
    return None


def _place_alarms(figures: dict[str, float]) -> list[str]:
    """Whether clusters tell slides, patients or sites apart rather than tissue."""
    found = []
    for what in ("slide", "patient", "site"):
        share, chance = figures.get(f"information_{what}", 0.0), figures.get(f"information_{what}_chance", 0.0)
        follows = (share - chance) / max(1 - chance, 1e-12)
        if follows > _FOLLOWS and follows > figures.get("information_labels", 0.0):
            found.append(
                f"clusters follow the {what}: {share:.0%} of what they tell is told by the {what} already (chance "
                f"{chance:.0%}); they may be stain or scanner, not tissue: raise stain_jitter, or look at the "
                "composition of clusters before naming them"
            )
    if n := figures.get("one_site_clusters"):
        found.append(
            f"{n:.0f} cluster{'s' if n != 1 else ''} of one site only: nine tenths of the tiles or more are from one "
            "hospital; see the composition before naming, or centre features by site"
        )
    return found


def collapsed(figures: dict[str, float]) -> bool:
    """Whether most tiles are in one cluster, or far too many in one of many."""
    largest, n = figures["largest_share"], figures["clusters"]
    swallowed = largest > _MANY_SHARE and largest * n > _MANY_TIMES
    return figures["entropy_ratio"] < _COLLAPSE_EVENNESS or (largest > _COLLAPSE_SHARE and n > 4) or swallowed


def prediction_alarm(entropy: float) -> str | None:
    """Whether the head predicts few of its classes.

    Args:
        entropy: of the mean prediction, as a share of ln K.
    """
    if entropy >= _GUESSES:
        return None
    return (
        f"the head predicts few of its classes (entropy of its mean prediction {entropy:.2f} of ln K): clusters are "
        "being forgotten; lower learning_rate, or choose balance=uniform"
    )


def loss_alarm(loss: float, n_clusters: int) -> str | None:
    """Whether the loss says that nothing is learnt: a head that guesses has a loss of ln K."""
    chance = math.log(n_clusters)
    if abs(loss - chance) <= _STUCK * chance:
        return f"the loss is stuck at ln K = {chance:.2f}: nothing is learnt; raise learning_rate, or look at the tiles"
    return None


def stop_advice(agreement: list[float], *, cosine: bool = False) -> str | None:
    """The stop rule: the last intervals agree well (AMI of at least 0.8), and no better or worse than before.

    A low agreement that no longer moves, one that falls, and one that goes up and down have not settled.

    Args:
        agreement: AMI(t, t-1) of every interval so far.
        cosine: whether the learning rate falls to zero by itself, which settles any clustering.
    """
    if len(agreement) <= STOP_INTERVALS:
        return None
    last = agreement[-1 - STOP_INTERVALS :]
    slope = (last[-1] - last[0]) / STOP_INTERVALS
    if min(last[1:]) < STOP_LEVEL or abs(slope) >= STOP_SLOPE:
        return None
    why = "; part of it is the falling learning rate, which settles any clustering" if cosine else ""
    return (
        f"AMI(t, t-1) is {last[-1]:.3f} and changed by {slope:+.4f} an interval over the last {STOP_INTERVALS} (rule: "
        f"at least {STOP_LEVEL}, and less than {STOP_SLOPE} up or down): the clusters have settled, more training will "
        f"change little{why}"
    )
