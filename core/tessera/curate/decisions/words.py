"""A decision in plain words, for the history on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Callable

from tessera.curate.decisions.history import Decision
from tessera.words import counted

_SAID = {"name": "called", "mark": "marked as", "read": "read blind as"}


def words(decision: Decision, number: Callable[[int], str] = str) -> str:
    """Say what was decided.

    Args:
        decision: of any kind.
        number: how a cluster without a name is called.
    """
    about, kind, cluster = decision.payload, decision.kind, f"cluster {number(decision.cluster)}"
    if kind in ("name", "mark") and len(decision.clusters) > 1:
        cluster = f"clusters {', '.join(map(number, decision.clusters))}"
    if kind in ("name", "mark", "note", "read") and not decision.value:
        return f"{kind} of {cluster} taken away"
    if kind in _SAID:
        mark = f" and marked as {about['mark']}" if kind == "name" and about.get("mark") else ""
        by = " by a proposal" if about.get("proposal") else ""
        return f'{cluster} {_SAID[kind]} "{decision.value}"{mark}{by}'
    if kind == "note":
        return f"noted on {cluster}: {' '.join(decision.value.split())}"
    if kind == "merge":
        return f"merged {', '.join(map(number, about['clusters']))} into {cluster}"
    if kind == "split":
        return f"split {cluster} into {len(about['parts'])} parts"
    if kind in ("undo", "redo"):
        return f"{'took back' if kind == 'undo' else 'made again'} decision {about['decision']}"
    if kind in ("exclude", "label"):
        done = {"exclude": "took out", "label": "labelled"}[kind]
        return f"{done} {counted(about['n'], 'tile')}" + (f": {decision.value}" if decision.value else "")
    if kind == "move":
        by = f" by proposal {about['proposal']}" if about.get("proposal") else ""
        return f"moved {counted(about['n'], 'tile')} to {cluster}{by}"
    return f"saved the selection {decision.value}" if kind == "select" else f"{kind} {decision.value}"
