"""Blind second reading: readers label clusters for themselves, and their agreement is measured (Cohen 1960).

A reading changes no name. Where a reader has made none, the name that they gave openly counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import require
from tessera.curate.decisions.history import NOBODY, Decision, Draft, append, clean_author, history
from tessera.curate.decisions.state import fold, in_effect
from tessera.errors import DecisionError, TesseraError
from tessera.explore.clustering import open_clustering
from tessera.workspace.folder import Workspace

_MAX_LABEL = 80


@dataclass(frozen=True)
class Agreement:
    """How far two readers agree.

    Attributes:
        kappa: Cohen's kappa over clusters: 1 = always, 0 = as by chance; NaN when both used one and the same label
            only.
        kappa_tiles: the same with every cluster counted by its tiles.
        observed: share of clusters on which they agree.
        n_clusters: clusters that both have labelled.
        disagreements: (cluster, label of the first, label of the second), largest cluster first.
    """

    kappa: float
    kappa_tiles: float
    observed: float
    n_clusters: int
    disagreements: tuple[tuple[int, str, str], ...]


def read_cluster(workspace: Workspace, run: str, interval: int, cluster: int, label: str, *, author: str) -> None:
    """Record how a reader labels a cluster, without naming it; an empty label takes the reading back.

    Raises:
        TesseraError: the label is too long or has line breaks.
        DecisionError: no such cluster.
    """
    cleaned = label.strip()
    if len(cleaned) > _MAX_LABEL or not cleaned.isprintable():
        raise TesseraError(f"a label has at most {_MAX_LABEL} printable characters")
    clustering = open_clustering(workspace, run, interval)

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        require(fold(past), clustering, cluster)
        return [Draft(clustering.interval, "read", cluster, {"value": cleaned})]

    append(workspace, run, author, build)


def readings(decisions: Sequence[Decision], author: str) -> dict[int, str]:
    """Cluster to the label that a reader gave it: their readings, else their names.

    Args:
        decisions: the history of a run.
        author: the reader.
    """
    found: dict[str, dict[int, str]] = {"name": {}, "read": {}}
    for decision in in_effect(decisions):
        if decision.author == author and decision.kind in found:
            found[decision.kind].update(dict.fromkeys(decision.clusters, decision.value))
    said = {**found["name"], **{cluster: label for cluster, label in found["read"].items() if label}}
    return {cluster: label for cluster, label in said.items() if label}


def readers(workspace: Workspace, run: str) -> list[str]:
    """Everybody who has labelled a cluster, by name; those who gave no name are nobody in particular."""
    said = {d.author for d in in_effect(history(workspace, run)) if d.kind in ("name", "read") and d.value}
    return sorted(said - {NOBODY})


def agreement(workspace: Workspace, run: str, first: str, second: str, interval: int | None = None) -> Agreement:
    """Agreement of two readers on the clusters that both have labelled; capitals do not count.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        first: a reader.
        second: another.
        interval: the clustering that is looked at; the last if None.

    Raises:
        DecisionError: there is no cluster that both have labelled.
    """
    clustering, past = curated_clustering(workspace, run, interval), history(workspace, run)
    sizes = dict(zip(clustering.ids.tolist(), clustering.sizes.tolist(), strict=True))
    one, other = readings(past, clean_author(first)), readings(past, clean_author(second))
    both = sorted(set(one) & set(other) & set(sizes), key=lambda cluster: -sizes[cluster])
    if not both:
        raise DecisionError(f"{first} and {second} have labelled no cluster in common: let both label some")
    pairs = [(one[cluster].casefold(), other[cluster].casefold()) for cluster in both]
    weights = np.array([sizes[cluster] for cluster in both], np.float64)
    return Agreement(
        kappa=cohen_kappa(pairs),
        kappa_tiles=cohen_kappa(pairs, weights),
        observed=float(np.mean([a == b for a, b in pairs])),
        n_clusters=len(both),
        disagreements=tuple(
            (cluster, one[cluster], other[cluster]) for cluster, (a, b) in zip(both, pairs, strict=True) if a != b
        ),
    )


def cohen_kappa(pairs: Sequence[tuple[str, str]], weights: npt.NDArray[np.float64] | None = None) -> float:
    """Cohen's kappa, (observed - expected) / (1 - expected) (Cohen 1960).

    Args:
        pairs: labels of the two readers for each thing.
        weights: float64 (n,), how much each counts; equal if None.

    Returns:
        At most 1; NaN when agreement by chance is certain.
    """
    labels = sorted({label for pair in pairs for label in pair})
    code = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for i, (a, b) in enumerate(pairs):
        table[code[a], code[b]] += 1 if weights is None else weights[i]
    table /= table.sum()
    expected = float(table.sum(axis=1) @ table.sum(axis=0))
    return float("nan") if expected >= 1 - 1e-12 else float((np.trace(table) - expected) / (1 - expected))
