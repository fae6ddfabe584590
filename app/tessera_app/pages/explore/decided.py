"""What people decided about a run, as the workbench shows it.

Names with their colours, number keys, what undo takes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tessera.curate.colours import cluster_paints, name_paints
from tessera.curate.decisions.decide import NAMES
from tessera.curate.decisions.history import Decision, clean_author, history
from tessera.curate.decisions.state import State, in_effect, state_of
from tessera.curate.decisions.undo import redoable, undoable
from tessera.curate.decisions.words import words
from tessera.explore.clustering import Clustering
from tessera.explore.palette import NAME_COLOURS
from tessera.workspace.folder import Workspace

N_KEYS = 9


def decided(workspace: Workspace, run: str, author: str) -> dict[str, Any]:
    """Everything about names that the workbench needs, small enough to send with every decision."""
    state, past = state_of(workspace, run), history(workspace, run)
    who = clean_author(author)
    last, again = undoable(past, who), redoable(past, who)
    slots, uses = number_keys(past)
    return {
        "version": state.version,
        "names": _by_text(state.names),
        "marks": _by_text(state.marks),
        "notes": _by_text(state.notes),
        "paints": {name: vars(paint) for name, paint in name_paints(state).items()},
        "palette": list(NAME_COLOURS),
        "slots": slots,
        "uses": uses,
        "classes": list(NAMES),
        "parents": {str(part): state.names[whole] for part, whole in state.parts.items() if whole in state.names},
        "selections": [{"decision": one.decision, "name": one.name} for one in state.selections],
        "undo": words(last, state.number) if last is not None else "",
        "redo": words(again, state.number) if again is not None else "",
    }


def number_keys(past: Sequence[Decision]) -> tuple[list[str], dict[str, int]]:
    """Names on the keys 1 to 9, and when each name was used last: a number keeps its name, and the tenth name replaces
    the one unused longest. The workbench foresees the same before the answer is there."""
    slots: list[str] = []
    uses: dict[str, int] = {}
    given = [decision.value for decision in in_effect(past) if decision.kind == "name" and decision.value]
    for turn, name in enumerate(given, 1):
        uses[name] = turn
        if name in slots:
            continue
        if len(slots) < N_KEYS:
            slots.append(name)
        else:
            slots[min(range(N_KEYS), key=lambda i: uses[slots[i]])] = name
    return slots, uses


def progress(clustering: Clustering, state: State) -> dict[str, Any]:
    """How far naming has come.

    Clusters and share of tiles that have a name or are artefacts, and the parts by colour.
    """
    ids, sizes = clustering.ids.tolist(), clustering.sizes.tolist()
    total = max(sum(sizes), 1)
    done = {i for i in ids if i in state.names or state.marks.get(i) == "artefact"}
    paints = cluster_paints(state, done)
    parts: dict[str, int] = {}
    for cluster, size in zip(ids, sizes, strict=True):
        if cluster in done:
            parts[paints[cluster].colour] = parts.get(paints[cluster].colour, 0) + size
    largest = sorted(parts.items(), key=lambda part: -part[1])
    return {
        "clusters": len(ids),
        "named": len(done),
        "share": sum(parts.values()) / total,
        "parts": [[colour, n / total] for colour, n in largest],
    }


def most_to_gain(clustering: Clustering, state: State) -> int:
    """The largest cluster without a name, else the largest, else -1."""
    open_ones = [
        (size, -i)
        for i, size in zip(clustering.ids.tolist(), clustering.sizes.tolist(), strict=True)
        if i not in state.names and state.marks.get(i) != "artefact"
    ]
    if open_ones:
        return -max(open_ones)[1]
    return int(clustering.ids[clustering.sizes.argmax()]) if len(clustering.ids) else -1


def _by_text(found: dict[int, str]) -> dict[str, str]:
    return {str(cluster): text for cluster, text in found.items()}
