"""What is decided at present: the fold of a run's history, a pure function of it.

An undone decision counts as if it had never been made; a redone one as if it were made at the time of the redo.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tessera.curate.decisions import history
from tessera.curate.decisions.history import Decision
from tessera.runs.rows import Run
from tessera.workspace.folder import Workspace

FIRST_PART = 1_000_000  # ids of parts of split clusters start here: training never counts so far
_EDITS = ("merge", "split", "exclude", "move")


@dataclass(frozen=True)
class Selection:
    """A saved area of a map.

    Attributes:
        decision: number of the decision that saved it.
        name: its name.
        polygon: corners (x, y) in map coordinates, -1 to 1.
        map_interval: the map it was drawn on.
        author: who saved it.
        time: seconds since 1970.
    """

    decision: int
    name: str
    polygon: tuple[tuple[float, float], ...]
    map_interval: int
    author: str
    time: float


@dataclass(frozen=True)
class State:
    """Present decisions on a run.

    Attributes:
        version: number of the last decision in the history.
        names: cluster to its name, only those that have one.
        notes: cluster to its note.
        marks: cluster to tissue, artefact, mixed or unknown.
        selections: saved areas of the map, oldest first.
        labels: decisions that label single tiles, in the order in which they count.
        edits: merges, splits, exclusions and moves in effect, in the order in which they apply to labels.
        merged: cluster that was merged away to the one that took it in.
        parts: cluster made by a decision to the cluster that was split for it, -1 = none.
        active: numbers of all decisions in effect, in the order in which they count.
        given: all names that decisions in effect gave, also those given up since, in order of first use.
    """

    version: int
    names: dict[int, str]
    notes: dict[int, str]
    marks: dict[int, str]
    selections: tuple[Selection, ...]
    labels: tuple[Decision, ...]
    edits: tuple[Decision, ...]
    merged: dict[int, int]
    parts: dict[int, int]
    active: tuple[int, ...]
    given: tuple[str, ...]

    def has(self, cluster: int, found: Container[int]) -> bool:
        """Whether a cluster exists: found by the run or made by a split, and not merged into another."""
        return (cluster in found or cluster in self.parts) and cluster not in self.merged

    def title(self, cluster: int) -> str:
        """Name of a cluster, or its number."""
        return self.names.get(cluster) or f"cluster {self.number(cluster)}"

    def label(self, cluster: int) -> str:
        """Name and number: clusters of one name are told apart."""
        name = self.names.get(cluster)
        return f"{name} ({self.number(cluster)})" if name else self.title(cluster)

    def number(self, cluster: int) -> str:
        """What a cluster is called as long as it has no name: its id; for part 2 of a split cluster 7, 7.2."""
        if cluster not in self.parts:
            return str(cluster)
        siblings = sorted(part for part, whole in self.parts.items() if whole == self.parts[cluster])
        return f"{self.number(self.parts[cluster])}.{siblings.index(cluster) + 1}"


def fold(decisions: Sequence[Decision]) -> State:
    """The state that a history leads to.

    Args:
        decisions: all of one run, oldest first.
    """
    active = in_effect(decisions)
    given = tuple(dict.fromkeys(d.value for d in active if d.kind == "name" and d.value))
    order = tuple(decision.id for decision in active)
    state = State(decisions[-1].id if decisions else 0, {}, {}, {}, (), (), (), {}, {}, order, given)
    selections, labels, edits = [], [], []
    texts = {"name": state.names, "note": state.notes, "mark": state.marks}
    for decision in active:
        if decision.kind in texts:
            for cluster in decision.clusters:
                _set(texts[decision.kind], cluster, decision.value)
                if "mark" in decision.payload:  # a name that says at once what the cluster is
                    _set(state.marks, cluster, str(decision.payload["mark"]))
        elif decision.kind == "select":
            selections.append(_selection(decision))
        elif decision.kind == "label":
            labels.append(decision)
        elif decision.kind in _EDITS:
            edits.append(decision)
            _restructure(state, decision)
    return State(**{**vars(state), "selections": tuple(selections), "labels": tuple(labels), "edits": tuple(edits)})


def next_part(decisions: Sequence[Decision]) -> int:
    """The first id that no decision has ever made a cluster with."""
    used = (int(part) for decision in decisions for part in decision.payload.get("parts", []))
    return max(used, default=FIRST_PART - 1) + 1


def in_effect(decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions that count, in the order in which they do; undo and redo themselves are left out."""
    by_id = {decision.id: decision for decision in decisions}
    active: dict[int, Decision] = {}
    for decision in decisions:
        if decision.kind == "undo":
            active.pop(int(decision.payload["decision"]), None)
        elif decision.kind == "redo":
            again = int(decision.payload["decision"])
            active.pop(again, None)
            active[again] = by_id[again]
        else:
            active[decision.id] = decision
    return list(active.values())


def state_of(workspace: Workspace, run: str) -> State:
    """The present state of a run; cheap as long as nobody decides anything. Not to be changed in place."""
    _, run_id, last = history.snapshot(workspace, run)
    return _state(workspace.ledger.path, run_id, last)


def state_by(run: Run) -> State:
    """The same by the handle of a run."""
    return _state(run.workspace.ledger.path, run.id, history.version_of(run))


@lru_cache(maxsize=16)
def _state(ledger: Path, run_id: int, last: int) -> State:
    return fold(history.read(ledger, run_id, last))


def _set(texts: dict[int, str], cluster: int, value: str) -> None:
    if value:
        texts[cluster] = value
    else:
        texts.pop(cluster, None)


def _restructure(state: State, decision: Decision) -> None:
    """Clusters that come and go.

    What a cluster was called goes to the one that takes it in, if that has no name yet.
    """
    for part in decision.payload.get("parts", []):
        state.parts[int(part)] = decision.cluster if decision.kind == "split" else -1
    if decision.kind == "merge":
        for gone in map(int, decision.payload["clusters"]):
            state.merged[gone] = decision.cluster
            for texts in (state.names, state.notes, state.marks):
                text = texts.pop(gone, "")
                if text:
                    texts.setdefault(decision.cluster, text)


def _selection(decision: Decision) -> Selection:
    corners = tuple((float(x), float(y)) for x, y in decision.payload["polygon"])
    about = decision.payload
    return Selection(decision.id, decision.value, corners, int(about["map"]), decision.author, decision.time)
