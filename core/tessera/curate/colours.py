"""Colours of clusters by their name.

Two clusters of one name are one colour, on the page, on the slide and in exports.
"""

from __future__ import annotations

from collections.abc import Iterable

from tessera.curate.decisions.state import State
from tessera.explore.palette import ARTEFACT, UNNAMED, Paint, paint_names

NO_NAME, IS_ARTEFACT = Paint(UNNAMED, "none"), Paint(ARTEFACT, "cross")


def name_paints(state: State) -> dict[str, Paint]:
    """The paint of every name that was given, in order of first use.

    A name that only artefacts bear is a grey cross.
    """
    bearers: dict[str, set[bool]] = {}
    for cluster, name in state.names.items():
        bearers.setdefault(name, set()).add(state.marks.get(cluster) == "artefact")
    return paint_names(state.given, {name for name, artefact in bearers.items() if artefact == {True}})


def cluster_paints(state: State, clusters: Iterable[int]) -> dict[int, Paint]:
    """The paint of each cluster: that of its name; a cross for an artefact, grey for what has no name.

    Args:
        state: what is decided about the run.
        clusters: their ids.
    """
    paints = name_paints(state)
    return {cluster: _paint(state, cluster, paints) for cluster in clusters}


def _paint(state: State, cluster: int, paints: dict[str, Paint]) -> Paint:
    if state.marks.get(cluster) == "artefact":
        return IS_ARTEFACT
    return paints.get(state.names.get(cluster, ""), NO_NAME)
