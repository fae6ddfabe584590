"""What the library offers to scripts and notebooks, in a few verbs; `import tessera` gives them all.

Each function takes a `Workspace` or a `Run` and does what the command of the same name does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tessera import config as configuration
from tessera.config import ExportConfig, IngestConfig, RunConfig
from tessera.errors import RunError
from tessera.runs import rows
from tessera.runs.rows import Run
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    from tessera.curate.export.write import ExportReport
    from tessera.explore.clustering import Clustering
    from tessera.ingest.report import IngestReport

_POLL_S = 0.2


def open_workspace(folder: str | Path) -> Workspace:
    """Open the project folder that holds tiles, runs and decisions; make it if it is not there.

    Raises:
        WorkspaceError: it cannot be written, or another version of Tessera made it.
    """
    return Workspace.create(Path(folder))


def ingest_slides(workspace: Workspace, sources: Iterable[str | Path], **settings: Any) -> IngestReport:
    """Cut slides into tiles and add them to the workspace. Slides that are in already are left alone.

    Args:
        workspace: the workspace to write to.
        sources: slides, or folders that are searched for slides.
        **settings: of `tessera.config.IngestConfig`, for example `tile_px=224`, `mpp=0.5`, `max_tiles_per_slide=1000`.

    Returns:
        Counts, and every slide that could not be used, with the reason.

    Raises:
        ConfigError: an unknown setting, or another tile size or resolution than the workspace has.
        WorkspaceError: another ingest is at work.
        StoreError: the disk is full or the store is damaged; slides that were added are safe.
    """
    from tessera.ingest import pipeline

    own = configuration.as_dict(pipeline.config_of(workspace))
    config = configuration.from_mapping(IngestConfig, {**own, **settings})
    return pipeline.ingest(workspace, [Path(source) for source in sources], config)


def ingest_tiles(workspace: Workspace, folder: str | Path, **settings: Any) -> IngestReport:
    """Add ready-made tile images. Class folders, or a labels.csv, give labels that only evaluation uses.

    Args:
        workspace: the workspace to write to.
        folder: tile images; one sub-folder a class, or labels.csv beside them.
        **settings: as of `ingest_slides`.

    Raises:
        ConfigError: see `ingest_slides`; or no tile was found.
    """
    from tessera.ingest import pipeline, tile_folder

    own = configuration.as_dict(pipeline.config_of(workspace))
    config = configuration.from_mapping(IngestConfig, {**own, **settings})
    return tile_folder.ingest_tiles(workspace, Path(folder), config)


def run(
    workspace: Workspace,
    settings: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    wait: bool = True,
    **more: Any,
) -> Run:
    """Train: cluster, pseudo-label, learn, repeat; in a process of its own, as `tessera run` does.

    Args:
        workspace: with tiles.
        settings: of `tessera.config.RunConfig`, by their dotted names as `tessera run --set` takes them, for example
            `{"clustering.clusters": 20, "encoder": "resnet18"}`.
        name: of the run; run-1, run-2, ... if None.
        wait: return when it has ended. Ctrl-C then stops it; it keeps its place.
        **more: settings whose names have no dot, for example `epochs=5`.

    Returns:
        Its handle; `.state` says how it ended.

    Raises:
        ConfigError: a setting that is unknown or out of its bounds.
        RunError: there are no tiles, the name is taken, or the run failed.
    """
    from tessera.runs import create

    return _launched(create.create(workspace, RunConfig.of(settings, **more), name), wait=wait)


def look(
    workspace: Workspace,
    settings: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    clusters: int | None = None,
    clusterer: str | None = None,
    wait: bool = True,
    **more: Any,
) -> Run:
    """Find classes now: frozen features, clustered; nothing is trained. Minutes, and the answer to begin with.

    Args:
        workspace: with tiles.
        settings: as of `run`, for example `{"features.views": 8}`.
        name: of the run; look-1, look-2, ... if None.
        clusters: how many; left to the clusterer if None.
        clusterer: kmeans, leiden, rcc, ...; the safest that is installed if None.
        wait: as of `run`.
        **more: as of `run`, for example `encoder="resnet18"`.

    Returns:
        Its handle; a look is a run like any other.

    Raises:
        ConfigError: a setting that is unknown or out of its bounds.
        RunError: there are too few tiles, the name is taken, or the look failed.
    """
    from tessera.learn.look import create_look

    changes = {**(settings or {}), **more}
    return _launched(create_look(workspace, name, clusters=clusters, clusterer=clusterer, changes=changes), wait=wait)


def open_run(workspace: Workspace, name: str) -> Run:
    """The handle of a run; `tessera status` lists them.

    Raises:
        RunError: there is no run of this name.
    """
    return rows.open_run(workspace, name)


def clusters(run: Run, interval: int | None = None) -> pd.DataFrame:
    """One row a tile: where it lies, its cluster as people left it, and the cluster's name.

    Args:
        run: with at least one clustering.
        interval: number of the clustering; the last if None.

    Returns:
        Index `tile`; columns `slide` (file name), `x0`, `y0`, `side0` (level-0 pixels), `cluster` (-1 = none),
        `distance` (to the cluster's centre), `name` and `mark` (empty where nobody gave one).

    Raises:
        RunError: no such clustering.
    """
    from tessera.curate.decisions.state import state_by
    from tessera.explore.clusters import slide_names

    clustering = _clustering(run, interval)
    state, slides, index = state_by(clustering.of), slide_names(clustering), clustering.index
    n = len(clustering.labels)
    return pd.DataFrame(
        {
            "slide": _texts(index.slide[:n], slides),
            "x0": index.x0[:n],
            "y0": index.y0[:n],
            "side0": index.side0[:n],
            "cluster": clustering.labels,
            "distance": clustering.distances.astype(np.float32),
            "name": _texts(clustering.labels, state.names),
            "mark": _texts(clustering.labels, state.marks),
        },
        index=pd.RangeIndex(n, name="tile"),
    )


def cluster_table(run: Run, interval: int | None = None) -> pd.DataFrame:
    """One row a cluster: size, spread, stability, and the slide, patient and site that most of its tiles come from.

    Args:
        run: with at least one clustering.
        interval: number of the clustering; the last if None.

    Raises:
        RunError: no such clustering.
    """
    from tessera.explore.clusters import cluster_table as table

    return table(_clustering(run, interval))


def features(run: Run) -> pd.DataFrame:
    """The features that the run's last clustering was made of.

    Returns:
        float32 (N, D), index `tile`; joins with `clusters` by it. Of many tiles take a part of the memory-mapped bank
        instead: `run.folder.features(tiles)[a:b]`.

    Raises:
        RunError: the run has none: it has not got that far, or they were deleted.
    """
    tiles = run.folder.tiles()
    tiles = np.arange(run.n_tiles) if tiles is None else tiles
    return pd.DataFrame(run.folder.features(tiles)[:], index=pd.Index(tiles, name="tile"))


def export(
    run: Run,
    folder: str | Path,
    *,
    format: str = "imagefolder",
    clusters: list[int] | str | None = None,
    interval: int | None = None,
    author: str = "",
    **settings: Any,
) -> ExportReport:
    """Write a curated tile set with its provenance. Clusters of one name become one class.

    Args:
        run: with named clusters.
        folder: new folder; never overwritten.
        format: imagefolder, parquet, webdataset, hf-imagefolder, hf-parquet or qupath.
        clusters: ids, or "all"; None takes those with a name.
        interval: number of the clustering; the last if None.
        author: who exports, for the provenance file.
        **settings: of `tessera.config.ExportConfig`, for example `per_class=200`, `val=0.2`, `licence="CC0"`.

    Raises:
        TesseraError: unknown format, the folder exists, no cluster to export, or the disk is full; nothing is left
            behind.
    """
    from tessera.curate.export.write import export as write

    return write(
        run.workspace,
        run.name,
        Path(folder),
        format=format,
        clusters=clusters,
        interval=interval,
        author=author,
        config=configuration.from_mapping(ExportConfig, settings),
    )


def _texts(numbers: npt.NDArray[np.int32], texts: Mapping[int, str]) -> npt.NDArray[np.object_]:
    """The text of each number, empty where there is none."""
    found, place = np.unique(numbers, return_inverse=True)
    return np.array([texts.get(number, "") for number in found.tolist()], object)[place]


def _launched(made: Run, *, wait: bool) -> Run:
    """Start a run's worker; with `wait`, come back when it has ended.

    Raises:
        RunError: it failed.
    """
    from tessera.runs import process

    process.launch(made)
    if not wait:
        return made.refreshed()
    try:
        while (now := made.refreshed()).state in rows.LIVE_STATES:
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        process.request(made, "stop")
        raise
    if now.state == "failed":
        raise RunError(f"run {now.name} failed: {now.message}; {now.folder.log_path} has the details")
    return now


def _clustering(run: Run, interval: int | None) -> Clustering:
    from tessera.curate.curated import curated_of

    return curated_of(run, interval)
