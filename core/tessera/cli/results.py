"""What is done with a finished run: `tessera cluster | compare | evaluate | assign | project | export`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tessera import config as configuration
from tessera.cli.ingest_options import exit_code
from tessera.cli.options import (
    ANSWERING,
    DONE,
    Answering,
    Interval,
    Settings,
    named,
    numbers,
    setting,
    who,
)
from tessera.cli.terminal import TerminalProgress
from tessera.config import CLUSTERERS, ExportConfig
from tessera.errors import ConfigError
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace

RunName = Annotated[str, Parameter(help="The run.")]


def cluster(
    name: Annotated[str, Parameter(help="The finished run; it is left as it is, the result is a new run.")],
    /,
    *,
    clusterer: Annotated[str, Parameter(name="--with", choices=tuple(CLUSTERERS), help="The method.")] = "rcc",
    clusters: Annotated[
        int | None,
        Parameter(
            help=(
                "K, how many; if not given, rcc, pic, hdbscan and leiden find out, and k-means makes as many as the "
                "run has."
            )
        ),
    ] = None,
    new_name: Annotated[str | None, Parameter(name="--as", help="Name of the new run.")] = None,
    settings: Settings = None,
    common: Answering = ANSWERING,
) -> int:
    """Cluster the tiles of a finished run again, without training."""
    from tessera.learn.reuse.partition import partition

    workspace = Workspace.open(common.workspace)
    with TerminalProgress(quiet=common.json) as bars, track(workspace, "cluster", run=name, also=bars) as progress:
        made = partition(
            workspace,
            name,
            clusterer=clusterer,
            clusters=clusters,
            name=new_name,
            changes=configuration.parse_overrides(settings or []),
            progress=progress,
        )
    human = f"{made.name}: {made.n_clusters} clusters of {made.n_tiles:,} tiles in {made.seconds:.1f} s ({made.how})"
    common.answer(dataclasses.asdict(made), human)
    return DONE


def compare(
    *names: Annotated[str, Parameter(help="Runs, each at its last clustering.")],
    stability: Annotated[
        bool,
        Parameter(help="Also cluster disturbed features again: how far each agrees with itself.", show_default=False),
    ] = False,
    common: Answering = ANSWERING,
) -> int:
    """How far clusterings of the same tiles agree."""
    from tessera.learn.evaluate.compare import compare, describe

    if len(names) < 2 and not (stability and names):
        raise ConfigError("name two runs or more, or one and --stability")
    workspace = Workspace.open(common.workspace)
    with TerminalProgress(quiet=common.json) as bars:
        if stability:
            with track(workspace, "stability", run=names[0], also=bars) as progress:
                found = compare(workspace, list(names), stability=True, progress=progress)
        else:
            found = compare(workspace, list(names), progress=bars)
    common.answer(found, describe(found))
    return DONE


def evaluate(name: RunName, /, *, interval: Interval = None, common: Answering = ANSWERING) -> int:
    """Regions, steadiness and sites of clusters; with labels, scores beside baselines.

    Scores are of clusters and of features.
    """
    from tessera.learn.evaluate.report import evaluate
    from tessera.learn.evaluate.words import describe

    with TerminalProgress(quiet=common.json) as bars:
        found = evaluate(Workspace.open(common.workspace), name, interval, bars)
    common.answer(found, describe(found))
    return DONE


def assign(
    name: Annotated[str, Parameter(help="The finished run; it is left as it is, the result is a new run.")],
    /,
    *sources: Annotated[Path, Parameter(help="Slides or folders to ingest first.")],
    tiles: Annotated[Path | None, Parameter(help="Folder of ready-made tile images to ingest first.")] = None,
    to: Annotated[str | None, Parameter(help="Name of the new run; NAME-assigned if not given.")] = None,
    common: Answering = ANSWERING,
) -> int:
    """Assign tiles that were added later to the clusters of a finished run."""
    from tessera.curate.transfer import carry_over
    from tessera.learn.reuse.assign import assign

    workspace = Workspace.open(common.workspace)
    missing = [str(path) for path in (*sources, *([tiles] if tiles else [])) if not path.exists()]
    if missing:
        raise ConfigError(f"no such file or folder: {', '.join(missing)}; nothing was placed")
    with TerminalProgress(quiet=common.json) as bars:
        code = _ingest_first(workspace, sources, tiles, bars)
        with track(workspace, "assign", run=name, also=bars) as progress:
            found = assign(workspace, name, to=to, progress=progress)
            carry_over(workspace, (name, None), (found.run, 0), author="tessera assign")
    common.answer(dataclasses.asdict(found), found.summary())
    return code


def _ingest_first(workspace: Workspace, sources: tuple[Path, ...], tiles: Path | None, bars: TerminalProgress) -> int:
    """Take in what was named, and say what of it could not be; the exit code of that."""
    from tessera.ingest import pipeline, tile_folder

    config, reports = pipeline.config_of(workspace), []
    if sources:
        with track(workspace, "ingest", also=bars) as progress:
            reports.append(pipeline.ingest(workspace, list(sources), config, progress))
    if tiles is not None:
        with track(workspace, "ingest", also=bars) as progress:
            reports.append(tile_folder.ingest_tiles(workspace, tiles, config, progress))
    for file, reason in (problem for report in reports for problem in report.problems):
        print(f"tessera: {file}: {reason}", file=sys.stderr)
    codes = [exit_code(report) for report in reports]
    return next((code for code in codes if code == 1), max(codes, default=DONE))


def project(name: RunName, /, *, interval: Interval = None, common: Answering = ANSWERING) -> int:
    """Make the map (UMAP) of a run's tiles."""
    from tessera.explore.projection import project
    from tessera.explore.sharpness import MOST_AT_ONCE, measure_sharpness, read_sharpness
    from tessera.runs.rows import open_run

    workspace = Workspace.open(common.workspace)
    with TerminalProgress(quiet=common.json) as bars, track(workspace, "map", run=name, also=bars) as progress:
        xy = project(workspace, name, interval, progress=progress)
        measured = read_sharpness(workspace)
        if workspace.n_tiles() - (0 if measured is None else len(measured)) <= MOST_AT_ONCE:
            measure_sharpness(workspace, progress)  # so that the map can be coloured by it
    answer = {"run": name, "interval": open_run(workspace, name).folder.projections()[-1], "tiles": len(xy)}
    common.answer(answer, f"placed {len(xy):,} tiles of {name} on the map")
    return DONE


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """Settings of `ExportConfig` that have an option of their own."""

    per_class: Annotated[str | None, setting(ExportConfig, "per_class")] = None
    val: Annotated[str | None, setting(ExportConfig, "val")] = None
    test: Annotated[str | None, setting(ExportConfig, "test")] = None
    seed: Annotated[str | None, setting(ExportConfig, "seed")] = None
    licence: Annotated[str | None, setting(ExportConfig, "licence")] = None


_SAMPLING = Sampling()


def export(
    name: RunName,
    /,
    *,
    to: Annotated[Path, Parameter(help="New folder to write; never overwritten.")],
    format: Annotated[
        str,
        Parameter(
            help="imagefolder, parquet, webdataset, hf-imagefolder or hf-parquet (Hugging Face), or qupath (GeoJSON)."
        ),
    ] = "imagefolder",
    clusters: Annotated[
        str | None, Parameter(help="Cluster numbers, 3,7,12, or all; those with a name if not given.")
    ] = None,
    interval: Interval = None,
    author: Annotated[
        str, Parameter(help="Who exports, for the provenance file; your login if not given.", show_default=False)
    ] = "",
    sampling: Sampling = _SAMPLING,
    settings: Settings = None,
    common: Answering = ANSWERING,
) -> int:
    """Write a curated tile set with its provenance."""
    from tessera.curate.export.write import export

    workspace = Workspace.open(common.workspace)
    config = configuration.from_mapping(ExportConfig, named(sampling, settings))
    chosen = clusters if clusters is None or clusters == "all" else numbers("--clusters", clusters)
    with TerminalProgress(quiet=common.json) as bars, track(workspace, "export", run=name, also=bars) as progress:
        report = export(
            workspace,
            name,
            to,
            format=format,
            clusters=chosen,
            interval=interval,
            author=who(author),
            config=config,
            progress=progress,
        )
    common.answer(dataclasses.asdict(report), f"wrote {report.n_tiles:,} tiles to {report.path}")
    return DONE
