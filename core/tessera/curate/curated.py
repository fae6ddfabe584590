"""A clustering as people left it: merges, splits, exclusions and moves applied to the labels that the run found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tessera.curate.decisions.history import Decision, history_of
from tessera.curate.decisions.state import State, state_by
from tessera.curate.export import tile_sets
from tessera.explore.clustering import Clustering, Which, opened, which
from tessera.runs.rows import Run, open_run
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import RunFolder

Labels = npt.NDArray[np.int32]


def curated_clustering(workspace: Workspace, run: str, interval: int | None = None) -> Clustering:
    """A clustering of the run with this name, as people left it; see `curated_of`, which takes the handle of a run."""
    return curated_of(open_run(workspace, run), interval)


def curated_of(run: Run, interval: int | None = None) -> Clustering:
    """A clustering with everything that was decided; excluded tiles have label -1.

    Decisions hold at every interval: clusters keep their ids, and a tile that was moved or excluded by hand stays so.

    Args:
        run: the run.
        interval: number of the clustering; the last if None.

    Raises:
        RunError: the run has no clustering yet, or not this one.
    """
    chosen, state = which(run, interval), state_by(run)
    if not state.edits:
        return opened(chosen)
    return _curated(chosen, tuple(edit.id for edit in state.edits))


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
def _curated(chosen: Which, edit_ids: tuple[int, ...]) -> Clustering:
    clustering = opened(chosen)
    rows = {decision.id: decision for decision in history_of(chosen.run)}  # which never change
    labels = apply(clustering.labels, [rows[i] for i in edit_ids], chosen.run.folder)
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
