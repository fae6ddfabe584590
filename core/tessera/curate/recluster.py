"""Reject artefacts, drop their tiles, cluster the others again: one action that starts a new run on what is left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tessera.config import RunConfig
from tessera.curate.curated import artefacts, curated_clustering
from tessera.curate.decisions.decide import mark_cluster
from tessera.curate.decisions.state import state_of
from tessera.errors import DecisionError
from tessera.runs import control, process
from tessera.runs.figures import write_event
from tessera.runs.rows import Run
from tessera.workspace.folder import Workspace


def reject_and_recluster(
    workspace: Workspace,
    run: str,
    reject: Sequence[int] = (),
    *,
    author: str,
    interval: int | None = None,
    config: RunConfig | None = None,
    name: str | None = None,
    launch: bool = True,
) -> Run:
    """Mark clusters as artefact, and start a run on the tiles that are neither artefact nor excluded.

    The tiles stay in the store and in the old run: nothing is lost. `tessera.curate.transfer.carry_over` brings names
    and marks to the new clusters once there are any.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        reject: clusters to mark as artefact first, besides those that are marked already.
        author: who rejects.
        interval: the clustering that is looked at; the last if None.
        config: of the new run; that of the old one if None.
        name: name of the new run.
        launch: start its worker.

    Raises:
        DecisionError: nothing is rejected, or a cluster does not exist.
        ConfigError: too few tiles are left for as many clusters.
    """
    clustering = curated_clustering(workspace, run, interval)
    for cluster in reject:
        mark_cluster(workspace, run, clustering.interval, cluster, "artefact", author=author)
    kept = clustering.labels >= 0
    kept[artefacts(clustering, state_of(workspace, run))] = False
    before = workspace.run_folder(run).tiles()
    n_before = len(clustering.labels) if before is None else len(before)
    tiles = np.flatnonzero(kept)
    if len(tiles) == n_before:
        raise DecisionError(f"nothing is rejected in {run}: mark a cluster as artefact, or exclude tiles")
    made = control.create(workspace, config or training_config(workspace, run), name, tiles=tiles)
    text = (
        f"made from {run}, interval {clustering.interval}: {n_before - len(tiles):,} tiles dropped, {len(tiles):,} left"
    )
    with workspace.ledger.write() as connection:
        write_event(connection, made.id, "info", text)
    if launch:
        process.launch(made)
    return made.refreshed()


def training_config(workspace: Workspace, run: str) -> RunConfig:
    """Settings to train with as the run was; a partition was not trained itself, but the run that it comes from."""
    config = control.get(workspace, run).config
    if not config.source:
        return config
    return config.but(source="", epochs=training_config(workspace, config.source).epochs)
