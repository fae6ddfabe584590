"""From a few labels to all: proposals with confidence, kept for review.

Nothing is named or moved until somebody accepts it.

Labelled are the tiles that people labelled one by one, and some typical tiles of each cluster that has a name. How the
labels are propagated is told in `tessera.learn.propagate.label_propagation`.
"""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.config import PropagateConfig, as_dict, from_mapping
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import tile_labels
from tessera.curate.decisions.history import Decision, Draft, append, clean_author, history, version
from tessera.curate.decisions.state import State, fold, next_part, state_by, state_of
from tessera.curate.export import tile_sets
from tessera.curate.rebase import Since, decided_since
from tessera.curate.transfer import Suggestion
from tessera.errors import DecisionError
from tessera.explore.clustering import Clustering
from tessera.workspace import files
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent
from tessera.workspace.run_folder import RunFolder

ACCEPT_FROM = 0.9  # confidence


@dataclass(frozen=True)
class Proposal:
    """What tiles might be called.

    Attributes:
        id: name of its files.
        run: whose tiles.
        interval: the clustering that was looked at.
        author: who asked for it.
        time: seconds since 1970.
        version: of the history that it was made from.
        n_labelled: tiles that it was made from.
        classes: names, in alphabetical order.
        config: how it was made.
        class_of: int16 (N,), position in `classes`, -1 for tiles that were left out.
        confidence: float16 (N,), probability of that class by the network.
        agrees: bool (N,), whether the cluster of the tile is aligned to the same class.
    """

    id: str
    run: str
    interval: int
    author: str
    time: float
    version: int
    n_labelled: int
    classes: tuple[str, ...]
    config: PropagateConfig
    class_of: npt.NDArray[np.int16]
    confidence: npt.NDArray[np.float16]
    agrees: npt.NDArray[np.bool_]

    def sure(self, least: float = ACCEPT_FROM) -> npt.NDArray[np.bool_]:
        """Tiles whose class is confident, and agreed upon by their cluster."""
        return (self.class_of >= 0) & (self.confidence >= least) & self.agrees


def propose(
    workspace: Workspace,
    run: str,
    interval: int | None = None,
    *,
    author: str,
    config: PropagateConfig | None = None,
    progress: Progress | None = None,
) -> Proposal:
    """Propagate what is labelled to all tiles that are in a cluster, and keep the result for review.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the clustering that is looked at; the last if None.
        author: who asks.
        config: graph, network, stages.
        progress: is told trainings done.

    Raises:
        ConfigError: labels of fewer than two classes.
        RunError: no clustering or no features.
    """
    from tessera.learn.propagate.label_propagation import propagate

    settings, told = config or PropagateConfig(), progress or Silent()
    clustering, seen = curated_clustering(workspace, run, interval), version(workspace, run)
    labels = seeds(clustering, settings.per_cluster)
    classes = sorted(set(labels.values()))
    tiles = np.flatnonzero(clustering.labels >= 0)
    labelled = np.fromiter(labels, np.int64, len(labels))
    codes = np.array([classes.index(name) for name in labels.values()], np.int64)
    found = propagate(
        workspace.run_folder(run).features(tiles),
        np.searchsorted(tiles, labelled),
        codes,
        settings,
        lambda done, total: told.update("propagating labels", done, total),
    )
    proposal = Proposal(
        f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{seen}",
        run,
        clustering.interval,
        clean_author(author),
        time.time(),
        seen,
        len(labels),
        tuple(classes),
        settings,
        *_spread(found, tiles, len(clustering.labels)),
    )
    _save(workspace.run_folder(run), proposal)
    return proposal


def seeds(clustering: Clustering, per_cluster: int) -> dict[int, str]:
    """Tile to class of everything that counts as labelled, by tile; what was said of the tile itself goes first.

    Args:
        clustering: the clustering as people left it.
        per_cluster: typical tiles of each named cluster.
    """
    found: dict[int, str] = {}
    for cluster, name in state_by(clustering.of).names.items():
        members = clustering.members(cluster)
        typical = members[np.argsort(clustering.distances[members], kind="stable")[:per_cluster]]
        found.update(dict.fromkeys(typical.tolist(), name))
    own = tile_labels(clustering.workspace, clustering.run)
    found.update({tile: name for tile, name in own.items() if clustering.labels[tile] >= 0})
    return dict(sorted(found.items()))


def proposals(workspace: Workspace, run: str) -> list[str]:
    """Ids of the proposals of a run, newest first."""
    return sorted((path.stem for path in _folder(workspace.run_folder(run)).glob("*.json")), reverse=True)


def load_proposal(workspace: Workspace, run: str, id: str) -> Proposal:
    """A proposal by its id.

    Raises:
        DecisionError: there is none.
    """
    if id not in proposals(workspace, run):
        raise DecisionError(f"{run} has no proposal {id}: make one with `tessera propagate {run}`")
    folder = _folder(workspace.run_folder(run))
    about: dict[str, Any] = json.loads((folder / f"{id}.json").read_text())
    about |= {"classes": tuple(about["classes"]), "config": from_mapping(PropagateConfig, about["config"])}
    with np.load(folder / f"{id}.npz", allow_pickle=False) as arrays:
        return Proposal(**about, **{name: arrays[name] for name in ("class_of", "confidence", "agrees")})


def by_cluster(proposal: Proposal, clustering: Clustering, least: float = ACCEPT_FROM) -> list[Suggestion]:
    """What clusters without a name might be called, by the share of their tiles that are proposed with confidence.

    Args:
        proposal: of the same run.
        clustering: the clustering as people left it.
        least: confidence from which a tile counts.
    """
    from tessera.curate.transfer import suggest

    codes = np.where(proposal.sure(least), proposal.class_of, -1).astype(np.int32)
    said = dict(enumerate(proposal.classes))
    state = state_by(clustering.of)
    settled = {*state.names, *_artefacts(state)}
    return [item for item in suggest(codes, said, clustering.labels) if item.cluster not in settled]


def to_review(
    proposal: Proposal, clustering: Clustering, name: str, n: int = 48, least: float = 0.0
) -> npt.NDArray[np.int64]:
    """Tiles proposed for a class that are not of it yet, the least confident first: where a look helps most.

    Raises:
        DecisionError: the proposal has no such class.
    """
    workspace = clustering.workspace
    state, since = state_by(clustering.of), newer_than(workspace, proposal)
    tiles = _changes(proposal, clustering, state, since, name, least)
    return tiles[np.argsort(proposal.confidence[tiles], kind="stable")[:n]]


def accept(
    workspace: Workspace,
    proposal: Proposal,
    *,
    author: str,
    names: list[str] | None = None,
    least: float = ACCEPT_FROM,
    expected: int | None = None,
) -> list[Decision]:
    """Move the confident tiles of a proposal into the clusters that bear the name of their class.

    What was decided after the proposal was made stays as it is: clusters that were named, marked, merged or split
    since, and tiles that were moved, taken out or labelled. A class without a cluster gets one. It is one entry of the
    history a class, and can be undone.

    Args:
        workspace: the workspace of the run.
        proposal: what was proposed.
        author: who accepts it.
        names: classes to accept; all if None.
        least: confidence from which on tiles are moved, if their cluster agrees.
        expected: the version of the history that the author has seen.

    Returns:
        The decisions.

    Raises:
        DecisionError: no such class, no tile to move, or the history is newer than `expected`.
    """
    clustering, folder = (
        curated_clustering(workspace, proposal.run, proposal.interval),
        workspace.run_folder(proposal.run),
    )
    state, moved = state_of(workspace, proposal.run), {}
    since = newer_than(workspace, proposal)
    for name in names or proposal.classes:
        tiles = _changes(proposal, clustering, state, since, name, least)
        if len(tiles):
            moved[name] = tile_sets.save(folder, tiles), len(tiles)
    if not moved:
        raise DecisionError(
            f"no tile would be moved at a confidence of {least:g}: accept a lower one, or label more tiles"
        )

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        present, drafts, fresh = fold(past), [], next_part(past)
        for name, (stored, n) in moved.items():
            about = {"tiles": stored, "n": n, "proposal": proposal.id, "least": least}
            bearing = sorted(cluster for cluster, own in present.names.items() if own == name)
            if bearing:
                drafts.append(Draft(proposal.interval, "move", bearing[0], about))
            else:
                drafts.append(Draft(proposal.interval, "move", fresh, {**about, "parts": [fresh]}))
                drafts.append(Draft(proposal.interval, "name", fresh, {"value": name, "proposal": proposal.id}))
                fresh += 1
        return drafts

    seen = state.version if expected is None else expected  # what is decided in this very moment is newer, too
    return append(workspace, proposal.run, author, build, expected=seen)


def newer_than(workspace: Workspace, proposal: Proposal) -> Since:
    """What people decided after a proposal was made; it is left as it is by `accept`."""
    past = history(workspace, proposal.run)
    return decided_since(past, proposal.version, proposal.id, workspace.run_folder(proposal.run))


def _changes(
    proposal: Proposal, clustering: Clustering, state: State, since: Since, name: str, least: float
) -> npt.NDArray[np.int64]:
    """Tiles confidently proposed for a class that are in a cluster of another name or of none.

    Those of artefacts stay, and those that somebody has decided about since.
    """
    if name not in proposal.classes:
        raise DecisionError(f"the proposal has classes {', '.join(proposal.classes)}, not {name}")
    bearing = [cluster for cluster, own in state.names.items() if own == name]
    n = len(proposal.class_of)
    wanted = proposal.sure(least) & (proposal.class_of == proposal.classes.index(name))
    stay = {*bearing, *_artefacts(state), *since.clusters}
    free = (clustering.labels[:n] >= 0) & ~np.isin(clustering.labels[:n], sorted(stay))
    free[since.tiles[since.tiles < n]] = False
    return np.flatnonzero(wanted & free)


def _artefacts(state: State) -> set[int]:
    """Clusters that somebody marked as artefact: the network has not seen what that person saw."""
    return {cluster for cluster, mark in state.marks.items() if mark == "artefact"}


def _spread(
    found: Any, tiles: npt.NDArray[np.int64], n: int
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """Results of some tiles as arrays over all."""
    class_of, confidence, agrees = np.full(n, -1, np.int16), np.zeros(n, np.float16), np.zeros(n, bool)
    class_of[tiles], confidence[tiles], agrees[tiles] = found.classes, found.confidence, found.agrees
    return class_of, confidence, agrees


def _folder(folder: RunFolder) -> Any:
    return folder.root / "proposals"


def _save(folder: RunFolder, proposal: Proposal) -> None:
    """Arrays first, then the file that says they are there."""
    path = _folder(folder) / f"{proposal.id}.npz"
    files.write_npz(path, class_of=proposal.class_of, confidence=proposal.confidence, agrees=proposal.agrees)
    about = {
        field.name: getattr(proposal, field.name)
        for field in dataclasses.fields(proposal)
        if field.name not in ("class_of", "confidence", "agrees")
    }
    files.write_text(path.with_suffix(".json"), json.dumps(about | {"config": as_dict(proposal.config)}, indent=2))
