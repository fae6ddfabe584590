"""What clusters look like when their name, number, kind or reader colours them, as map, slide and notebooks take it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tessera.curate.colours import IS_ARTEFACT, NO_NAME, cluster_paints
from tessera.curate.decisions.history import Decision
from tessera.curate.decisions.state import State
from tessera.errors import ConfigError
from tessera.explore.palette import NAME_COLOURS, Paint, colour, paint_names

BY = ("name", "cluster", "kind", "reader")
SHAPES = {"plain": 0, "none": 0, "hatched": 1, "dotted": 2, "cross": 3}
_KINDS = {"tissue": NAME_COLOURS[2], "mixed": NAME_COLOURS[0], "unknown": NAME_COLOURS[7]}


@dataclass(frozen=True)
class ClusterLooks:
    """How clusters are drawn; lists of one length.

    Attributes:
        ids: of the clusters.
        colours: #rrggbb; empty for what has no value (no name, no mark), which differs in light and dark.
        shapes: 0 dot, 1 square, 2 triangle, 3 cross.
        names: as given, empty = none.
        labels: name, or "cluster 7".
        numbers: "7", or "7.2" for a part.
    """

    ids: list[int]
    colours: list[str]
    shapes: list[int]
    names: list[str]
    labels: list[str]
    numbers: list[str]


def cluster_looks(
    state: State, clusters: Iterable[int], by: str = "name", past: Iterable[Decision] = ()
) -> ClusterLooks:
    """How clusters are drawn.

    Args:
        state: what is decided about the run.
        clusters: their ids.
        by: what colours them, one of `BY`.
        past: the run's history; needed to colour by reader.

    Raises:
        ConfigError: they cannot be coloured by that.
    """
    ids = list(clusters)
    paints = _paints(state, ids, by, past)
    return ClusterLooks(
        ids=ids,
        colours=["" if paints[i] in (NO_NAME, IS_ARTEFACT) else paints[i].colour for i in ids],
        shapes=[SHAPES[paints[i].pattern] for i in ids],
        names=[state.names.get(i, "") for i in ids],
        labels=[state.title(i) for i in ids],
        numbers=[state.number(i) for i in ids],
    )


def readers(state: State, past: Iterable[Decision]) -> dict[int, str]:
    """Who gave each named cluster its name: the author of the last naming in effect."""
    active = set(state.active)
    said = {d.cluster: d.author for d in past if d.id in active and d.kind == "name" and d.value}
    return {cluster: author or "unknown" for cluster, author in said.items() if cluster in state.names}


def _paints(state: State, ids: list[int], by: str, past: Iterable[Decision]) -> dict[int, Paint]:
    if by == "name":
        return cluster_paints(state, ids)
    if by == "cluster":
        return {i: Paint(colour(i), "plain") for i in ids}
    if by == "kind":
        kinds = {kind: Paint(shown, "plain") for kind, shown in _KINDS.items()} | {"artefact": IS_ARTEFACT}
        return {i: kinds.get(state.marks.get(i, ""), NO_NAME) for i in ids}
    if by == "reader":
        named_by = readers(state, past)
        known = paint_names(sorted(set(named_by.values())))
        return {i: known.get(named_by.get(i, ""), NO_NAME) for i in ids}
    raise ConfigError(f"clusters cannot be coloured by {by!r}: choose one of {', '.join(BY)}")
