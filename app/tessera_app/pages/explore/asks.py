"""What the workbench asks for, done in a thread with the clustering and the author; nothing here touches a widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tessera.curate.decisions import decide
from tessera.curate.decisions.history import Decision
from tessera.curate.decisions.split import split_cluster
from tessera.curate.decisions.state import state_of
from tessera.curate.decisions.undo import redo, undo
from tessera.curate.decisions.words import words
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.explore.projection import inside_polygon

Ask = dict[str, Any]
Polygon = list[list[float]]


@dataclass(frozen=True)
class Answer:
    """What came of it: words for the reader, and the cluster to go to, -1 = stay."""

    said: str = ""
    cluster: int = -1


@dataclass(frozen=True)
class Lasso:
    """A polygon on the map of an interval; fewer than three corners are no lasso."""

    map_interval: int | None = None
    polygon: Polygon | None = None

    def tiles(self, clustering: Clustering) -> npt.NDArray[np.int64]:
        """The tiles inside, int64; they may be millions, so call it in a thread.

        Raises:
            TesseraError: no lasso is drawn.
        """
        if self.map_interval is None or not self.polygon or len(self.polygon) < 3:
            raise TesseraError("draw a lasso on the map first")
        xy = clustering.workspace.run_folder(clustering.run).projection(self.map_interval)
        return inside_polygon(xy, np.asarray(self.polygon, np.float64))


def perform(ask: Ask, clustering: Clustering, author: str, lasso: Lasso) -> Answer:
    """Do what is asked.

    Raises:
        TesseraError: it cannot be done; the message says why.
    """
    kind, at = ask.get("do"), (clustering.workspace, clustering.run, clustering.interval)
    if kind == "name":
        decide.name_clusters(*at, ask["clusters"], str(ask.get("name", "")), author=author, mark=ask.get("mark"))
    elif kind == "mark":
        decide.mark_clusters(*at, ask["clusters"], str(ask.get("mark", "")), author=author)
    elif kind == "note":
        decide.note_cluster(*at, int(ask["clusters"][0]), str(ask.get("text", "")), author=author)
    elif kind == "merge":
        decide.merge_clusters(*at, ask["clusters"], author=author)
    elif kind == "divide":
        return _divide(clustering, int(ask["clusters"][0]), int(ask["parts"]), author)
    elif kind == "out":
        decide.exclude_tiles(*at, _tiles(ask, clustering, lasso), author=author)
    elif kind == "move":
        decide.move_tiles(*at, _tiles(ask, clustering, lasso), to=int(ask["to"]), author=author)
    elif kind == "keep":
        if lasso.map_interval is None or not lasso.polygon:
            raise TesseraError("draw a lasso on the map first")
        name = str(ask.get("name", ""))
        decide.save_selection(
            clustering.workspace, clustering.run, lasso.map_interval, lasso.polygon, name, author=author
        )
        return Answer("Kept. It is listed where nothing is open.")
    elif kind in ("undo", "redo"):
        return _change(kind, clustering, author, ask.get("decision"))
    else:
        raise TesseraError(f"nobody knows how to {kind}")
    return Answer()


def _tiles(ask: Ask, clustering: Clustering, lasso: Lasso) -> npt.NDArray[np.int64]:
    return lasso.tiles(clustering) if ask.get("lasso") else np.asarray(ask.get("tiles", []), np.int64)


def _divide(clustering: Clustering, cluster: int, parts: int, author: str) -> Answer:
    number = state_of(clustering.workspace, clustering.run).number(cluster)
    made = split_cluster(clustering.workspace, clustering.run, clustering.interval, cluster, parts, author=author)
    said = f"No. {number} is divided into {parts} parts; this is the first. Z takes it back."
    return Answer(said, int(made.payload["parts"][0]))


def _change(kind: str, clustering: Clustering, author: str, decision: Any) -> Answer:
    number = None if decision is None else int(decision)
    change = undo if kind == "undo" else redo
    found = change(clustering.workspace, clustering.run, author=author, decision=number)
    state = state_of(clustering.workspace, clustering.run)
    said = f"{'Undone' if kind == 'undo' else 'Made again'}: {words(found, state.number)}."
    return Answer(said, _goes_back_to(found))


def _goes_back_to(decision: Decision) -> int:
    """The cluster that was decided about: of a merge the one that is there again."""
    if decision.kind == "merge":
        return decision.clusters[-1]
    return decision.clusters[0] if decision.clusters and decision.kind != "move" else -1
