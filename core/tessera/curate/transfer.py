"""Names and marks carried from one clustering to another of the same tiles, by overlap.

Where that is unsure, people are asked.

A new cluster gets the name that most of its tiles had. Names, not clusters, are counted, so a class that was spread
over several clusters is carried whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.history import Decision, Draft, append, history
from tessera.curate.decisions.state import State, fold, in_effect, state_of
from tessera.explore.clustering import Clustering
from tessera.learn.cluster.identity import contingency
from tessera.workspace.folder import Workspace

SURE = 0.6  # of a cluster's tiles, from which on a name is carried without asking
ASK = 0.25  # below, nobody is asked: the name is of a few stray tiles
KINDS = ("name", "mark")
_CANDIDATES = 3

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Suggestion:
    """What a cluster might be called.

    Attributes:
        cluster: id in the new clustering.
        kind: name or mark.
        value: what most of its tiles were called.
        share: of its tiles that were called so.
        sure: whether the share is large enough to carry it without asking.
        others: other values with their shares, most frequent first.
    """

    cluster: int
    kind: str
    value: str
    share: float
    sure: bool
    others: tuple[tuple[str, float], ...]


def suggest(old: Labels, said: dict[int, str], new: Labels, kind: str = "name") -> list[Suggestion]:
    """What new clusters might be called, given what old ones are called.

    Args:
        old: int32 (N,), clusters that have names, -1 = none.
        said: old cluster to name (or mark).
        new: int32 (M,), clusters of the same tiles; the first min(N, M) tiles are compared.
        kind: name or mark.

    Returns:
        One suggestion for each new cluster of whose compared tiles at least a quarter was called something.
    """
    n = min(len(old), len(new))
    values = sorted(set(said.values()))
    if not values or not n:
        return []
    code = {value: number for number, value in enumerate(values)}
    table = np.full(max(int(old.max(initial=-1)), *said, 0) + 2, len(values), np.int32)  # len(values) = has no name
    for cluster, value in said.items():
        table[cluster] = code[value]
    counts = contingency(new[:n], table[old[:n]])[:, : len(values)].tocsr()  # the last entry of the table serves -1
    seen = new[:n]
    sizes = np.bincount(seen[seen >= 0], minlength=counts.shape[0]).tolist()
    found = []
    for cluster in np.flatnonzero(np.diff(counts.indptr)).tolist():
        row = slice(counts.indptr[cluster], counts.indptr[cluster + 1])
        pairs = zip(counts.indices[row].tolist(), counts.data[row].tolist(), strict=True)
        shares = [(values[code], count / sizes[cluster]) for code, count in pairs if count]
        (value, share), *others = sorted(shares, key=lambda item: (-item[1], item[0]))
        if share >= ASK:
            found.append(Suggestion(cluster, kind, value, share, share >= SURE, tuple(others[: _CANDIDATES - 1])))
    return found


def carry_over(
    workspace: Workspace, source: tuple[str, int | None], target: tuple[str, int | None], *, author: str
) -> list[Suggestion]:
    """Name and mark clusters as the same tiles were named and marked in another clustering.

    Clusters that have a name (or mark) already keep it.

    Args:
        workspace: the workspace of the runs.
        source: run and interval whose names are carried; the last interval if None.
        target: run and interval that gets them.
        author: who carries them.

    Returns:
        The suggestions that are not sure, for asking; they are not written.

    Raises:
        RunError: no such run or interval.
    """
    before, after = curated_clustering(workspace, *source), curated_clustering(workspace, *target)
    state = state_of(workspace, before.run)
    found = _all(before, state, after)

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        present = fold(past)
        return [
            Draft(
                after.interval,
                item.kind,
                item.cluster,
                {"value": item.value, "carried": {"run": before.run, "interval": before.interval, "share": item.share}},
            )
            for item in found
            if item.sure and item.cluster not in _said(present, item.kind)
        ]

    append(workspace, after.run, author, build)
    present = state_of(workspace, after.run)
    return [item for item in found if not item.sure and item.cluster not in _said(present, item.kind)]


def drifted(workspace: Workspace, run: str, interval: int | None = None) -> list[Suggestion]:
    """Named or marked clusters that are not what they were when it was said: most of their tiles have changed since.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the clustering that is looked at; the last if None.

    Returns:
        One unsure suggestion each; its share is that of the tiles that were in the cluster when it was named.
    """
    clustering = curated_clustering(workspace, run, interval)
    state, found = state_of(workspace, run), []
    past = in_effect(history(workspace, run))
    last = {(decision.kind, cluster): decision for decision in past for cluster in decision.clusters}
    for (kind, cluster), decision in last.items():  # who confirmed a name later has looked at it as it is now
        present = kind in KINDS and _said(state, kind).get(cluster) == decision.value
        if not present or decision.interval == clustering.interval:
            continue
        members = clustering.members(cluster)
        then = curated_clustering(workspace, run, decision.interval).labels[members]
        share = float((then == cluster).mean()) if len(members) else 0.0
        if len(members) and share < SURE:
            found.append(Suggestion(cluster, decision.kind, decision.value, share, False, ()))
    return found


def _all(before: Clustering, state: State, after: Clustering) -> list[Suggestion]:
    return [item for kind in KINDS for item in suggest(before.labels, _said(state, kind), after.labels, kind)]


def _said(state: State, kind: str) -> dict[int, str]:
    return state.names if kind == "name" else state.marks
