"""A new clustering of the tiles of a finished run, from its saved features, without training.

A partition is a finished run of one interval: page, names and exports take it like any other. It shares the map of the
run that it comes from, and its features unless these are whitened and the clusterer works on neighbours; its clusters
carry the ids of those they overlap most.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera import config as configuration
from tessera.config import GRAPH_CLUSTERERS, RunConfig
from tessera.config.reading import nest
from tessera.errors import ConfigError, RunError
from tessera.learn.cluster import api
from tessera.learn.cluster.identity import persistent_ids
from tessera.learn.evaluate import metrics
from tessera.learn.features.extract import apply_normalisation
from tessera.learn.features.space import Space
from tessera.learn.features.whitening import unwhitened
from tessera.learn.methods.base import load_normalisation, normalisation_state
from tessera.learn.train import checkpoint
from tessera.learn.train.randomness import Stream
from tessera.runs import control
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent
from tessera.workspace.run_folder import Clusters, RunFolder

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Partition:
    """What was made.

    Attributes:
        name: name of the new run.
        source: the run that it comes from.
        n_tiles: tiles that have a cluster.
        n_clusters: K.
        figures: sizes, agreement with the source (ami_source), and what the clusterer measured.
        seconds: of the clustering.
        how: what the clusterer found and how the number of clusters was reached, in words.
    """

    name: str
    source: str
    n_tiles: int
    n_clusters: int
    figures: dict[str, float]
    seconds: float
    how: str = ""


def partition(
    workspace: Workspace,
    source: str,
    *,
    clusterer: str,
    clusters: int | None = None,
    name: str | None = None,
    changes: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Partition:
    """Cluster the features of a finished run's last interval anew.

    Args:
        workspace: the workspace of the run.
        source: its name.
        clusterer: one of `tessera.config.CLUSTERERS`.
        clusters: K; None leaves it to clusterers that can find it, and gives k-means the K of the run.
        name: of the new run; None takes SOURCE-CLUSTERER-1, -2, ...
        changes: other settings to change, by name.
        progress: is told of each phase.

    Raises:
        RunError: the run is not finished, or the name is taken.
        ConfigError: a setting is wrong.
    """
    told, run = progress or Silent(), control.get(workspace, source)
    if run.state != "finished":
        raise RunError(f"{source} is {run.state}: only a finished run can be clustered again")
    config = partition_config(run.config, source, clusterer, clusters, changes or {})
    control.check_clusters(config, run.n_tiles)
    chosen = control.free_name(workspace, name, f"{source}-{clusterer}-1")
    try:
        return _cluster_anew(workspace, run, config, chosen, told)
    except BaseException:
        control.discard(workspace, chosen)
        raise


def _cluster_anew(workspace: Workspace, run: control.Run, config: RunConfig, chosen: str, told: Progress) -> Partition:
    source, clusterer = run.name, config.clustering.clusterer.name
    theirs, ours = workspace.run_folder(source), workspace.run_folder(chosen)
    everything, own = theirs.assignment(run.interval), theirs.tiles()
    before = everything if own is None else everything[own]
    ours.adopt(theirs, run.interval)
    saved = checkpoint.load_last(theirs.checkpoint_path, run.digest)
    if saved is not None and clusterer in GRAPH_CLUSTERERS and run.config.chosen_normalisation == "pca-whiten":
        saved = _unwhiten(ours, saved)
    bank = ours.open_bank()
    told.update("clustering", 0, len(bank))
    began = time.monotonic()
    found = api.cluster(bank, config, np.random.default_rng((config.seed, 0, Stream.PARTITION)))
    seconds = time.monotonic() - began
    ids = persistent_ids(found.labels, len(found.centroids), before)
    labels, distances = ids[found.labels].astype(np.int32), found.distances.copy()
    labels[before < 0], distances[before < 0] = -1, np.nan  # tiles that could not be read
    sizes = np.bincount(found.labels[labels >= 0], minlength=len(ids))
    figures = {
        **metrics.size_figures(sizes),
        **found.figures,
        "objective": found.objective,
        "empties": float(found.n_repaired),
        "ami_source": metrics.ami(labels, before, np.random.default_rng(0)),
        "seconds_cluster": seconds,
    }
    if own is not None:  # the run learnt from some tiles only
        labels, distances = _spread(labels, own, len(everything), -1), _spread(distances, own, len(everything), np.nan)
    ours.save_distances(0, distances)
    ours.save_interval(0, labels, Clusters(ids, sizes, found.centroids))
    if saved is not None:
        _keep_network(ours, saved, config)
    control.record_finished(
        workspace,
        chosen,
        run,
        n_tiles=run.n_tiles,
        store_version=run.store_version,
        config=config,
        figures=figures,
        event=f"features of {source}, clustered by {clusterer}: {found.how}",
    )
    told.update("clustering", len(bank), len(bank))
    return Partition(chosen, source, int((labels >= 0).sum()), int((sizes > 0).sum()), figures, seconds, found.how)


def _spread(values: npt.NDArray[Any], rows: npt.NDArray[np.int64], n: int, absent: float) -> npt.NDArray[Any]:
    """Values of some tiles as values of all n."""
    spread = np.full(n, absent, values.dtype)
    spread[rows] = values
    return spread


def _unwhiten(ours: RunFolder, saved: checkpoint.Checkpoint) -> checkpoint.Checkpoint:
    """Give the run features of its own, without the whitening that k-means wants and neighbours suffer from.

    `deepcluster` whitens by itself; on its features RCC joined everything into one cluster (benchmarks/RESULTS_RCC.md).
    """
    whitening = load_normalisation(saved.state)
    if whitening is None:
        return saved
    plain, back = unwhitened(whitening)
    whitened = ours.open_bank()
    ours.drop_bank()
    bank = ours.open_bank((len(whitened), whitened.shape[1]))
    apply_normalisation(back, whitened, bank)
    bank.flush()
    return dataclasses.replace(saved, state={**saved.state, "normalisation": normalisation_state(plain)})


def _keep_network(ours: RunFolder, saved: checkpoint.Checkpoint, config: RunConfig) -> None:
    """The source's last save under the new settings, so that a partition can be evaluated and take later tiles."""
    state = dict(saved.state)
    if not Space.of(state).normalised:
        state["normalisation"] = None  # the bank itself was clustered, not what training made of it
    digest = configuration.digest(config)
    checkpoint.save(ours.checkpoint_path, checkpoint.Checkpoint(digest, 0, saved.batch, saved.step, state))


def partition_config(
    config: RunConfig, source: str, clusterer: str, clusters: int | None, changes: dict[str, Any]
) -> RunConfig:
    """The settings of a partition: those of its source, but for the clustering, and no training.

    Raises:
        ConfigError: a change is unknown or out of its bounds, or touches what makes it a partition.
    """
    asked = nest(RunConfig.translate(changes))
    own = asked.get("clustering", {})
    for key, within in (("source", asked), ("epochs", asked), ("clusterer", own), ("clusters", own)):
        if key in within and not (isinstance(within[key], dict) and "name" not in within[key]):
            raise ConfigError(f"{key} cannot be set here: use --with and --clusters")
    if clusters is not None and own.get("count") == "free":
        raise ConfigError(f"--clusters {clusters} asks for a number and clustering.count=free for none: give one")
    wanted = {
        "source": source,
        "epochs": 0,
        "clustering.clusterer": clusterer,
        "clustering.clusters": config.clustering.clusters if clusters is None else clusters,
        "clustering.count": "free" if clusters is None else "target",
    }
    return config.but(wanted).but(asked)
