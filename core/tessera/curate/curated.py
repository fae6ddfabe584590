"""A clustering as people left it: merges, splits, exclusions and moves applied to the labels that the run found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tessera.curate.decisions.history import Decision, history
from tessera.curate.decisions.state import State, state_of
from tessera.curate.export import tile_sets
from tessera.explore.clustering import Clustering, open_clustering
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import RunFolder

Labels = npt.NDArray[np.int32]


def curated_clustering(workspace: Workspace, run: str, interval: int | None = None) -> Clustering:
    """The view of a clustering with everything that was decided; excluded tiles have label -1.

    Decisions hold at every interval: clusters keep their ids, and a tile that was moved or excluded by hand stays so.

    Args:
        workspace: where the run is.
        run: its name.
        interval: number of the clustering; the last if None.

    Raises:
        RunError: the run has no clustering yet, or not this one.
    """
    clustering, state = open_clustering(workspace, run, interval), state_of(workspace, run)
    if not state.edits:
        return clustering
    return _curated(workspace.root, run, clustering.interval, tuple(edit.id for edit in state.edits))


def apply(labels: Labels, edits: Sequence[Decision], folder: RunFolder) -> Labels:
    """Labels after some edits, int32 (N,), a copy.

    Args:
        labels: int32 (N,), as found.
        edits: in order (see `State.edits`).
        folder: where the tile lists of edits lie.
    """
    edited, merges = np.array(labels, np.int32), []
    for edit in edits:
        if edit.kind == "merge":  # one pass over the tiles for as many merges as follow each other
            merges.append(edit)
            continue
        edited, merges = _merge(edited, merges), []
        _edit_tiles(edited, edit, folder)
    return _merge(edited, merges)


def artefacts(clustering: Clustering, state: State) -> npt.NDArray[np.int64]:
    """Tiles of clusters that are marked as artefact, int64, ascending."""
    marked = [cluster for cluster, mark in state.marks.items() if mark == "artefact"]
    return np.flatnonzero(np.isin(clustering.labels, marked))


@lru_cache(maxsize=8)
def _curated(root: Path, run: str, interval: int, edit_ids: tuple[int, ...]) -> Clustering:
    workspace = Workspace(root)
    clustering = open_clustering(workspace, run, interval)
    rows = {decision.id: decision for decision in history(workspace, run)}  # which never change
    labels = apply(clustering.labels, [rows[i] for i in edit_ids], workspace.run_folder(run))
    ids, sizes = np.unique(labels[labels >= 0], return_counts=True)
    return replace(clustering, labels=labels, ids=ids.astype(np.int32), sizes=sizes.astype(np.int64))


def _merge(labels: Labels, merges: Sequence[Decision]) -> Labels:
    if not merges or not len(labels):
        return labels
    targets: dict[int, int] = {}
    for merge in merges:
        gone = set(map(int, merge.payload["clusters"]))
        targets = {old: merge.cluster if new in gone else new for old, new in targets.items()}
        targets |= dict.fromkeys(gone, merge.cluster)
    table = np.arange(-1, max(int(labels.max()), *targets, 0) + 1, dtype=np.int32)  # entry 0 serves -1
    for old, new in targets.items():
        table[old + 1] = new
    return table[labels + 1]


def _edit_tiles(labels: Labels, edit: Decision, folder: RunFolder) -> None:
    tiles, parts = tile_sets.load(folder, edit.payload["tiles"])
    known = tiles < len(labels)
    tiles = tiles[known]
    if edit.kind == "split":  # tiles that have gone elsewhere since are left where they are
        here = labels[tiles] == edit.cluster
        ids = np.asarray(edit.payload["parts"], np.int32)
        labels[tiles[here]] = ids[parts[known][here]]
    else:
        labels[tiles] = edit.cluster if edit.kind == "move" else -1
