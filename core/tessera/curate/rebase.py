"""What was decided after a proposal was made: it goes before the proposal, which never overrides a newer decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.curate.decisions.history import Decision
from tessera.curate.decisions.state import in_effect
from tessera.curate.export import tile_sets
from tessera.workspace.run_folder import RunFolder

_OF_CLUSTERS = ("name", "mark", "merge", "split")
_OF_TILES = ("move", "exclude", "label")


@dataclass(frozen=True)
class Since:
    """Decisions that are newer than a proposal, without those that accepted a part of it.

    Attributes:
        made: newer decisions in effect, oldest first.
        undone: decisions that counted when the proposal was made and do not any more, oldest first.
        clusters: clusters that newer decisions speak of; their tiles stay where they are.
        tiles: int64, ascending, tiles that newer decisions speak of one by one; they stay as well.
    """

    made: tuple[Decision, ...]
    undone: tuple[Decision, ...]
    clusters: tuple[int, ...]
    tiles: npt.NDArray[np.int64]


def decided_since(past: Sequence[Decision], version: int, proposal: str, folder: RunFolder) -> Since:
    """What people decided after a version of the history.

    Args:
        past: the whole history, oldest first.
        version: of the history that the proposal was made from.
        proposal: its id; what was accepted of it is not newer than it.
        folder: where the tile lists of decisions lie.
    """
    then = {decision.id for decision in in_effect([decision for decision in past if decision.id <= version])}
    now = in_effect(past)
    made = tuple(d for d in now if d.id not in then and d.payload.get("proposal") != proposal)
    present = {decision.id for decision in now}
    undone = tuple(d for d in past if d.id in then and d.id not in present)
    clusters: dict[int, None] = {}
    tiles = [np.empty(0, np.int64)]
    for decision in made:
        if decision.kind in _OF_CLUSTERS:
            clusters.update(dict.fromkeys((*decision.clusters, *map(int, decision.payload.get("parts", [])))))
        elif decision.kind in _OF_TILES:
            tiles.append(tile_sets.load(folder, decision.payload["tiles"])[0])
    return Since(made, undone, tuple(clusters), np.unique(np.concatenate(tiles)))
