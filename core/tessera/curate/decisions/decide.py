"""What people decide about clusters and tiles: append-only, with author and time; the present state is the fold of it.

Clusters keep their ids from interval to interval, so a name given at one interval stands at all later ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tessera.curate.decisions.history import Decision, Draft, append, history, version
from tessera.curate.decisions.state import State, fold, state_of
from tessera.curate.export import tile_sets
from tessera.errors import DecisionError, TesseraError
from tessera.explore.clustering import Clustering, open_clustering
from tessera.workspace.folder import Workspace

__all__ = [
    "MARKS",
    "NAMES",
    "Decision",
    "exclude_tiles",
    "history",
    "label_tiles",
    "mark_cluster",
    "mark_clusters",
    "merge_clusters",
    "move_tiles",
    "name_cluster",
    "name_clusters",
    "names",
    "note_cluster",
    "save_selection",
    "tile_labels",
    "version",
]

MARKS = ("tissue", "artefact", "mixed", "unknown")
NAMES = (
    "tumour",
    "stroma",
    "lymphocytes",
    "normal mucosa",
    "smooth muscle",
    "fat",
    "necrosis",
    "mucus",
    "debris",
    "blood",
    "background",
    "pen",
    "fold",
    "blur",
)
_MAX_NAME, _MAX_NOTE, _MAX_CORNERS = 80, 4000, 5000
_NAMED = 20  # clusters that an error names


def name_cluster(workspace: Workspace, run: str, interval: int, cluster: int, name: str, *, author: str) -> None:
    """Name a cluster; an empty name takes the name away. Raises as `name_clusters`."""
    name_clusters(workspace, run, interval, [cluster], name, author=author)


def name_clusters(
    workspace: Workspace,
    run: str,
    interval: int,
    clusters: Sequence[int],
    name: str,
    *,
    author: str,
    mark: str | None = None,
    proposal: str = "",
    expected: int | None = None,
) -> Decision:
    """Give clusters one name, in one entry of the history; an empty name takes theirs away.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the clustering that is looked at.
        clusters: one or more ids.
        name: what they are called.
        author: name of the person who decides.
        mark: what they are at the same time, one of `MARKS` or empty; None leaves what is said.
        proposal: id of the proposal that is followed, for the history.
        expected: the version of the history that the author has seen.

    Raises:
        TesseraError: the name is too long or has line breaks, or there is no such mark.
        DecisionError: no such cluster, or it has been merged into another.
        RunError: no such run or interval.
    """
    cleaned = name.strip()
    if len(cleaned) > _MAX_NAME or not cleaned.isprintable():
        raise TesseraError(f"a name has at most {_MAX_NAME} printable characters")
    payload = {"value": cleaned} if mark is None else {"value": cleaned, "mark": _known(mark)}
    payload |= {"proposal": proposal} if proposal else {}
    return _say(workspace, run, Draft(interval, "name", payload=payload), author, clusters, expected)


def note_cluster(workspace: Workspace, run: str, interval: int, cluster: int, note: str, *, author: str) -> None:
    """Write a note on a cluster, which may have several lines; an empty one takes it away. Raises as `name_cluster`."""
    cleaned = note.strip().replace("\r\n", "\n")
    if len(cleaned) > _MAX_NOTE or not cleaned.replace("\n", "").replace("\t", "").isprintable():
        raise TesseraError(f"a note has at most {_MAX_NOTE} printable characters")
    _say(workspace, run, Draft(interval, "note", payload={"value": cleaned}), author, [cluster])


def mark_cluster(workspace: Workspace, run: str, interval: int, cluster: int, mark: str, *, author: str) -> None:
    """Say what a cluster is: tissue, artefact, mixed or unknown; an empty mark takes it away.

    Raises as `mark_clusters`.
    """
    mark_clusters(workspace, run, interval, [cluster], mark, author=author)


def mark_clusters(
    workspace: Workspace, run: str, interval: int, clusters: Sequence[int], mark: str, *, author: str
) -> Decision:
    """Say what clusters are, in one entry of the history. Raises as `name_clusters`."""
    return _say(workspace, run, Draft(interval, "mark", payload={"value": _known(mark)}), author, clusters)


def merge_clusters(
    workspace: Workspace, run: str, interval: int, clusters: Sequence[int], *, author: str, expected: int | None = None
) -> Decision:
    """Make several clusters one. The first takes the others in, with their name when it has none of its own.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the clustering that is looked at.
        clusters: two or more ids.
        author: name of the person who decides.
        expected: the version of the history that the author has seen (see `tessera.curate.decisions.history.append`).

    Raises:
        DecisionError: fewer than two clusters, one does not exist or is merged already, or the history is newer.
    """
    wanted = list(dict.fromkeys(map(int, clusters)))
    if len(wanted) < 2:
        raise DecisionError("choose at least two clusters to merge")
    clustering = open_clustering(workspace, run, interval)

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        state = fold(past)
        for cluster in wanted:
            require(state, clustering, cluster)
        return [Draft(clustering.interval, "merge", wanted[0], {"clusters": wanted[1:]})]

    return append(workspace, run, author, build, expected=expected)[0]


def exclude_tiles(
    workspace: Workspace,
    run: str,
    interval: int,
    tiles: Sequence[int] | npt.NDArray[np.int64],
    *,
    author: str,
    reason: str = "",
    expected: int | None = None,
) -> Decision:
    """Take tiles out of every cluster; they are in no export and no count any more.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the clustering that is looked at.
        tiles: tile numbers.
        author: name of the person who decides.
        reason: why, in a few words.
        expected: the version of the history that the author has seen.

    Raises:
        DecisionError: no tiles, or numbers that the run does not know.
    """
    clustering = open_clustering(workspace, run, interval)
    chosen = _tiles(clustering, tiles)
    payload = {
        "tiles": tile_sets.save(workspace.run_folder(run), chosen),
        "n": len(chosen),
        "value": reason[:_MAX_NAME],
    }
    return append(
        workspace, run, author, lambda _: [Draft(clustering.interval, "exclude", -1, payload)], expected=expected
    )[0]


def move_tiles(
    workspace: Workspace,
    run: str,
    interval: int,
    tiles: Sequence[int] | npt.NDArray[np.int64],
    *,
    to: int,
    author: str,
    expected: int | None = None,
) -> Decision:
    """Put tiles into another cluster; excluded ones come back by it.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the clustering that is looked at.
        tiles: tile numbers.
        to: the cluster that takes them.
        author: name of the person who decides.
        expected: the version of the history that the author has seen.

    Raises:
        DecisionError: no tiles, numbers that the run does not know, or no such cluster.
    """
    clustering = open_clustering(workspace, run, interval)
    chosen = _tiles(clustering, tiles)
    payload = {"tiles": tile_sets.save(workspace.run_folder(run), chosen), "n": len(chosen)}

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        require(fold(past), clustering, to)
        return [Draft(clustering.interval, "move", to, payload)]

    return append(workspace, run, author, build, expected=expected)[0]


def label_tiles(
    workspace: Workspace,
    run: str,
    interval: int,
    tiles: Sequence[int] | npt.NDArray[np.int64],
    name: str,
    *,
    author: str,
) -> Decision:
    """Say what single tiles show, as a start for `tessera.curate.propagate`; an empty name takes the label away.

    Raises:
        TesseraError: the name is too long or has line breaks.
        DecisionError: no tiles, or numbers that the run does not know.
    """
    cleaned = name.strip()
    if len(cleaned) > _MAX_NAME or not cleaned.isprintable():
        raise TesseraError(f"a name has at most {_MAX_NAME} printable characters")
    clustering = open_clustering(workspace, run, interval)
    chosen = _tiles(clustering, tiles)
    payload = {"tiles": tile_sets.save(workspace.run_folder(run), chosen), "n": len(chosen), "value": cleaned}
    return append(workspace, run, author, lambda _: [Draft(clustering.interval, "label", -1, payload)])[0]


def tile_labels(workspace: Workspace, run: str) -> dict[int, str]:
    """Tile to the name that people gave it by itself."""
    found: dict[int, str] = {}
    for decision in state_of(workspace, run).labels:
        tiles, _ = tile_sets.load(workspace.run_folder(run), decision.payload["tiles"])
        found.update(dict.fromkeys(tiles.tolist(), decision.value))
    return {tile: name for tile, name in sorted(found.items()) if name}


def save_selection(
    workspace: Workspace, run: str, interval: int, polygon: Sequence[Sequence[float]], name: str, *, author: str
) -> Decision:
    """Keep an area of a map under a name (see `tessera.curate.selections` for its tiles); undo takes it away.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the map it is drawn on.
        polygon: corners (x, y) in map coordinates.
        name: what to call it.
        author: name of the person who decides.

    Raises:
        TesseraError: fewer than three corners, or no name.
        DecisionError: another selection has this name.
    """
    corners = [[float(x), float(y)] for x, y in polygon]
    cleaned = name.strip()
    if not 3 <= len(corners) <= _MAX_CORNERS or not np.isfinite(corners).all():
        raise TesseraError(f"a selection needs 3 to {_MAX_CORNERS} corners")
    if not cleaned or len(cleaned) > _MAX_NAME or not cleaned.isprintable():
        raise TesseraError(f"name the selection with at most {_MAX_NAME} printable characters")

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        if any(selection.name == cleaned for selection in fold(past).selections):
            raise DecisionError(f"there is a selection {cleaned} already: choose another name")
        return [Draft(interval, "select", -1, {"value": cleaned, "polygon": corners, "map": interval})]

    return append(workspace, run, author, build)[0]


def names(workspace: Workspace, run: str) -> dict[int, str]:
    """The present name of every named cluster."""
    return dict(state_of(workspace, run).names)


def require(state: State, clustering: Clustering, cluster: int) -> None:
    """Raise unless a cluster exists.

    Raises:
        DecisionError: it does not, or has been merged into another.
    """
    if cluster in state.merged:
        raise DecisionError(
            f"cluster {cluster} has been merged into {state.merged[cluster]}: undo that, or decide on the other"
        )
    if not state.has(cluster, set(clustering.ids.tolist())):
        known = ", ".join(map(str, clustering.ids[:_NAMED].tolist())) + (
            ", ..." if len(clustering.ids) > _NAMED else ""
        )
        raise DecisionError(
            f"{clustering.run} has no cluster {cluster} at interval {clustering.interval}; it has {known}"
        )


def _known(mark: str) -> str:
    if mark and mark not in MARKS:
        raise TesseraError(f"mark {mark}: choose one of {', '.join(MARKS)}")
    return mark


def _say(
    workspace: Workspace,
    run: str,
    draft: Draft,
    author: str,
    clusters: Sequence[int],
    expected: int | None = None,
) -> Decision:
    """Write one line about clusters."""
    wanted = list(dict.fromkeys(map(int, clusters)))
    if not wanted:
        raise DecisionError("choose at least one cluster")
    clustering = open_clustering(workspace, run, draft.interval)
    others = {"clusters": wanted[1:]} if len(wanted) > 1 else {}

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        state = fold(past)
        for cluster in wanted:
            require(state, clustering, cluster)
        return [replace(draft, cluster=wanted[0], payload={**draft.payload, **others})]

    return append(workspace, run, author, build, expected=expected)[0]


def _tiles(clustering: Clustering, tiles: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    chosen = np.unique(np.asarray(tiles, np.int64))
    if not len(chosen):
        raise DecisionError("choose at least one tile")
    if chosen[0] < 0 or chosen[-1] >= len(clustering.labels):
        raise DecisionError(f"{clustering.run} has tiles 0 to {len(clustering.labels) - 1}")
    return chosen
