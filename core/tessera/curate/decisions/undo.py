"""Undo and redo: rows of the history that name the decision they take back or make again.

Each person's undo goes back over their own decisions, whatever others do meanwhile; any decision can be taken back by
number.
"""

from __future__ import annotations

from collections.abc import Sequence

from tessera.curate.decisions.history import Decision, Draft, append, clean_author, history
from tessera.curate.decisions.state import FIRST_PART, fold, in_effect
from tessera.errors import DecisionError
from tessera.workspace.folder import Workspace


def undo(
    workspace: Workspace, run: str, *, author: str, decision: int | None = None, expected: int | None = None
) -> Decision:
    """Take a decision back.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        author: who takes it back.
        decision: its number; the author's last one in effect if None.
        expected: the version of the history that the author has seen.

    Returns:
        The decision that does not count any more.

    Raises:
        DecisionError: there is nothing to take back, or later decisions depend on it.
    """

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        target = _chosen(past, undoable(past, clean_author(author)), decision, "undo")
        active = in_effect(past)
        if target not in active:
            raise DecisionError(f"decision {target.id} is not in effect: it has been undone already")
        later = [other.id for other in active[active.index(target) + 1 :] if _builds_upon(other, target)]
        if later:
            raise DecisionError(f"decisions {', '.join(map(str, later))} depend on {target.id}: undo them first")
        return [Draft(target.interval, "undo", target.cluster, {"decision": target.id, "value": str(target.id)})]

    row = append(workspace, run, author, build, expected=expected)[0]
    return _named_by(workspace, run, row)


def redo(
    workspace: Workspace, run: str, *, author: str, decision: int | None = None, expected: int | None = None
) -> Decision:
    """Make a decision again that was undone; it counts as if it were made now.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        author: who makes it again.
        decision: its number; if None the author's last one undone, unless they have decided something since.
        expected: the version of the history that the author has seen.

    Returns:
        The decision that counts again.

    Raises:
        DecisionError: there is nothing to make again, or its clusters are not there any more.
    """

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        target = _chosen(past, redoable(past, clean_author(author)), decision, "redo")
        if target in in_effect(past):
            raise DecisionError(f"decision {target.id} is in effect already")
        state = fold(past)
        spoken_of = {target.cluster, *map(int, target.payload.get("clusters", []))} - {-1}
        if gone := sorted(spoken_of & set(state.merged)):
            raise DecisionError(
                f"cluster {gone[0]} has been merged into {state.merged[gone[0]]} meanwhile: undo that first"
            )
        if gone := sorted(part for part in spoken_of if part >= FIRST_PART and part not in state.parts):
            raise DecisionError(f"cluster {gone[0]} no longer exists: redo the split that made it first")
        return [Draft(target.interval, "redo", target.cluster, {"decision": target.id, "value": str(target.id)})]

    row = append(workspace, run, author, build, expected=expected)[0]
    return _named_by(workspace, run, row)


def undoable(decisions: Sequence[Decision], author: str) -> Decision | None:
    """The decision that the author's next undo takes back."""
    own = [decision for decision in in_effect(decisions) if decision.author == author]
    return own[-1] if own else None


def redoable(decisions: Sequence[Decision], author: str) -> Decision | None:
    """The decision that the author's next redo makes again: nothing once they have decided something new."""
    by_id, stack = {decision.id: decision for decision in decisions}, list[int]()
    for decision in decisions:
        if decision.author != author:
            continue
        if decision.kind == "undo":
            stack.append(int(decision.payload["decision"]))
        elif decision.kind == "redo":
            again = int(decision.payload["decision"])
            stack = [number for number in stack if number != again]
        else:
            stack = []
    active = {decision.id for decision in in_effect(decisions)}
    left = [number for number in stack if number not in active]
    return by_id[left[-1]] if left else None


def _chosen(past: Sequence[Decision], default: Decision | None, number: int | None, verb: str) -> Decision:
    if number is None:
        if default is None:
            raise DecisionError(f"you have nothing to {verb}: name a decision by its number")
        return default
    found = next((decision for decision in past if decision.id == number), None)
    if found is None or found.kind in ("undo", "redo"):
        raise DecisionError(f"there is no decision {number} to {verb}: see the history")
    return found


def _builds_upon(later: Decision, earlier: Decision) -> bool:
    """Whether a decision speaks of clusters that only exist by another."""
    made = set(map(int, earlier.payload.get("parts", [])))
    return bool(made & {later.cluster, *map(int, later.payload.get("clusters", []))})


def _named_by(workspace: Workspace, run: str, row: Decision) -> Decision:
    return next(decision for decision in history(workspace, run) if decision.id == row.payload["decision"])
