"""What the review page reads: proposals, names that may no longer hold, clusters to read blind. Runs in threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tessera.curate.agreement import readers, readings
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.history import clean_author, history
from tessera.curate.decisions.state import state_of
from tessera.curate.propagate import Proposal, by_cluster, load_proposal, newer_than, proposals, to_review
from tessera.curate.rebase import Since
from tessera.curate.transfer import Suggestion, drifted
from tessera.explore.clustering import Clustering
from tessera.explore.representatives import pick
from tessera.runs import control
from tessera.workspace.folder import Workspace

SHOWN = 48
_ROWS = (
    ("typical", "Typical", "nearest to the centre of the cluster"),
    ("middle", "Middle", "half-way out"),
    ("edge", "Edge", "farthest from the centre: is the cluster mixed here?"),
)
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class ClassRow:
    """A class of a proposal.

    Attributes:
        name: of the class.
        n_sure: tiles that are confidently of it.
        n_new: those of them that are in another cluster, or in one without its name.
    """

    name: str
    n_sure: int
    n_new: int


@dataclass(frozen=True)
class ProposalFacts:
    """A proposal as the page shows it.

    Attributes:
        ids: of all proposals, newest first.
        proposal: the one that is looked at.
        rows: its classes.
        clusters: clusters without a name, and what they might be called.
        since: what was decided after it was made, which stays as it is.
    """

    ids: list[str]
    proposal: Proposal
    rows: list[ClassRow]
    clusters: list[Suggestion]
    since: Since


def gallery_rows(clustering: Clustering, cluster: int) -> Rows:
    """Typical, middle and edge tiles of a cluster, as the gallery takes them."""
    chosen = pick(clustering, cluster)
    return [{"title": title, "help": help, "ids": getattr(chosen, name).tolist()} for name, title, help in _ROWS]


def read_proposal(clustering: Clustering, id: str, least: float) -> ProposalFacts | None:
    """A proposal, the newest if `id` is none of the run's; None if there is none yet."""
    ids = proposals(clustering.workspace, clustering.run)
    if not ids:
        return None
    proposal = load_proposal(clustering.workspace, clustering.run, id if id in ids else ids[0])
    sure = proposal.sure(least)
    counts = np.bincount(proposal.class_of[sure], minlength=len(proposal.classes)).tolist()
    rows = [
        ClassRow(name, counts[code], len(to_review(proposal, clustering, name, n=len(sure), least=least)))
        for code, name in enumerate(proposal.classes)
    ]
    since = newer_than(clustering.workspace, proposal)
    return ProposalFacts(ids, proposal, rows, by_cluster(proposal, clustering, least), since)


def tiles_to_review(proposal: Proposal, clustering: Clustering, name: str, least: float) -> list[int]:
    """Tiles that accepting would move, the least confident first."""
    tiles: list[int] = to_review(proposal, clustering, name, n=SHOWN, least=least).tolist()
    return tiles


def read_drifted(clustering: Clustering) -> list[Suggestion]:
    """Names and marks that may no longer hold."""
    return drifted(clustering.workspace, clustering.run, clustering.interval)


def named_runs(workspace: Workspace, but: str) -> list[str]:
    """Other runs with names or marks, which could be carried over."""
    found = [run.name for run in control.list_runs(workspace) if run.name != but and run.interval >= 0]
    return [name for name in found if (state := state_of(workspace, name)).names or state.marks]


@dataclass(frozen=True)
class Reading:
    """Where a blind reader stands.

    Attributes:
        cluster: the next one to read, -1 when all are read.
        rows: its tiles.
        n_read: clusters that this reader has labelled.
        n_clusters: clusters in all.
        labels: what this reader has said so far, for the pick-list.
        readers: everybody who has labelled a cluster.
    """

    cluster: int
    rows: Rows
    n_read: int
    n_clusters: int
    labels: list[str]
    readers: list[str]


def read_reading(workspace: Workspace, run: str, interval: int, author: str) -> Reading:
    """The largest cluster that a reader has not labelled yet, and how far they are."""
    clustering = curated_clustering(workspace, run, interval)
    own = readings(history(workspace, run), clean_author(author))
    order = clustering.ids[np.argsort(-clustering.sizes, kind="stable")].tolist()
    left = [cluster for cluster in order if cluster not in own]
    rows = gallery_rows(clustering, left[0]) if left else []
    return Reading(
        left[0] if left else -1,
        rows,
        len(order) - len(left),
        len(order),
        sorted(set(own.values())),
        readers(workspace, run),
    )
