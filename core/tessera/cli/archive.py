"""`tessera ingest` from an archive: which options it has, and what they call."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import shlex
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tessera import config as configuration
from tessera.cli.terminal import TerminalProgress
from tessera.config import IngestConfig, StreamConfig
from tessera.errors import ConfigError, WorkspaceError
from tessera.workspace.activity import track
from tessera.workspace.background import start_command
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    from tessera.ingest.archive.catalogue import Source
    from tessera.ingest.archive.machines import Place
    from tessera.ingest.report import IngestReport

logger = logging.getLogger(__name__)

STREAM_OPTIONS = ("limit", "slide_budget", "tile_budget", "connections", "mirror", "slides_dir", "token_file")
GDC_WORD, INGEST_WORD = "gdc:", "ingest"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of streaming to `tessera ingest`."""
    group = parser.add_argument_group(
        "from an archive, through a small disk",
        "Another address of the GDC's interface, a mirror in your house say: --set gdc_url=URL.",
    )
    group.add_argument(
        "--project",
        action="append",
        metavar="P",
        help="with gdc: as source; TCGA-BRCA, or TCGA for all; may be repeated",
    )
    group.add_argument(
        "--strategy",
        action="append",
        metavar="S",
        help="'Diagnostic Slide' (default) or 'Tissue Slide'; may be repeated",
    )
    group.add_argument(
        "--manifest", type=Path, metavar="FILE", help="with gdc: as source; a GDC manifest in place of projects"
    )
    group.add_argument(
        "--urls", type=Path, metavar="FILE", help="CSV with the columns url, size, md5 and perhaps name, project"
    )
    group.add_argument("--plan", action="store_true", help="say what it will take, and move nothing")
    group.add_argument(
        "--go-on", action="store_true", help="go on with what is queued, with the settings it was begun with"
    )
    group.add_argument(
        "--retry-failed", action="store_true", help="put slides that failed or were set aside back into the queue first"
    )
    group.add_argument(
        "--workers", type=int, default=1, metavar="N", help="machines that share the slides, this one among them"
    )
    group.add_argument(
        "--launch",
        metavar="WHERE",
        help="start the other workers: slurm[:partition=P,timeout_min=M,...], dask:ADDRESS of its scheduler, or local; "
        "without it, start the same words on each with RANK and WORLD_SIZE, or as a Slurm array or a Kubernetes indexed job",
    )
    about = configuration.settings(StreamConfig)
    for name in STREAM_OPTIONS:
        default = StreamConfig.__dataclass_fields__[name].default
        shown = f" Default {default:,}." if isinstance(default, int) else ""
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            default=None,
            metavar="X",
            help=f"{about[name].help}{shown}".replace("%", "%%"),
        )


def is_stream(options: argparse.Namespace) -> bool:
    """Whether the words name an archive.

    Raises:
        ConfigError: they name what only archives have, and no archive.
    """
    if GDC_WORD in map(str, options.sources) or options.manifest or options.urls or options.go_on:
        return True
    if options.project or options.strategy:
        word, value = ("--project", options.project) if options.project else ("--strategy", options.strategy)
        raise ConfigError(f"{word} is of the GDC: write `tessera ingest gdc: {word} {shlex.quote(value[0])}`")
    if options.plan or options.retry_failed or options.launch:
        word = "--plan" if options.plan else "--retry-failed" if options.retry_failed else "--launch"
        raise ConfigError(f"{word} is for archives: give it with gdc: --project P, --manifest, --urls or --go-on")
    return False


def run(options: argparse.Namespace, given: dict[str, str]) -> tuple[int, Any, str]:
    """Do it.

    Args:
        options: the words.
        given: settings that were named, of `IngestConfig` and by --set of either config.

    Returns:
        Exit code, the answer for JSON, the answer in words.

    Raises:
        ConfigError: words that do not go together, or an unknown setting.
    """
    from tessera.ingest.archive.coordinator import check_place
    from tessera.ingest.archive.crew import work
    from tessera.ingest.archive.machines import Place

    place = Place.of(os.environ)
    check_place(place)
    if options.launch and place.world > 1:
        raise ConfigError("--launch starts workers itself: leave it out where RANK or an array job does")
    if options.workers != 1 and not options.launch:
        raise ConfigError("--workers goes with --launch, which starts them")
    if place.rank:
        n = work(options.workspace.resolve(), place)
        return 0, {"rank": place.rank, "slides": n}, f"worker {place.rank} of {place.world} has cut {n} slides"
    stream_config, ingest_config = _configs(options, given)
    source = _source(options, stream_config)
    if options.plan:
        return _plan(options, source, stream_config, ingest_config)
    report = _stream(options, source, stream_config, ingest_config, place)
    report.asked_for(given)
    return (0 if report.ok else 1), dataclasses.asdict(report), report.summary()


def request(workspace: Workspace, want: str) -> None:
    """Ask the archive ingest of a workspace to run, pause or stop; one that ended is started again, detached.

    Raises:
        WorkspaceError: there is none, it is not at work, or nothing is left to do.
    """
    from tessera.ingest.archive import ledger

    row = ledger.read_stream(workspace)
    if want != "run" or row is None or row.alive:
        ledger.request(workspace, want)
    elif ledger.n_unfinished(workspace):
        start_command(workspace, "ingest", "--go-on")
    else:
        raise WorkspaceError(
            "the archive's ingest is done: nothing is queued; --retry-failed takes failed slides again"
        )


def _stream(
    options: argparse.Namespace, source: Source | None, config: StreamConfig, ingest: IngestConfig, place: Place
) -> IngestReport:
    from tessera.ingest.archive.coordinator import stream
    from tessera.ingest.archive.launch import workers

    if _workers_here(options) > 1:
        from tessera.ingest.archive.plan import together

        logger.warning("%s; --slide-budget is each one's own", together(options.workers, config.slide_budget))
    workspace = Workspace.create(options.workspace)
    if options.retry_failed:
        from tessera.ingest.archive.ledger import retry_failed

        retry_failed(workspace)
    with (
        TerminalProgress(quiet=options.json) as bars,
        track(workspace, "ingest", also=bars) as progress,
        ExitStack() as stack,
    ):
        if options.launch:
            place = stack.enter_context(workers(options.launch, workspace.root.resolve(), options.workers))
        return stream(workspace, source, config, ingest, progress=progress, place=place)


def _workers_here(options: argparse.Namespace) -> int:
    """Workers that share this machine's disk."""
    return options.workers if options.launch == "local" else 1


def _configs(options: argparse.Namespace, given: dict[str, str]) -> tuple[StreamConfig, IngestConfig]:
    """Both configs from what was named and, with --go-on, from what was recorded."""
    known = set(configuration.settings(StreamConfig))
    named: dict[str, Any] = {name: value for name, value in given.items() if name in known}
    named |= {name: getattr(options, name) for name in STREAM_OPTIONS if getattr(options, name) is not None}
    cut: dict[str, Any] = {name: value for name, value in given.items() if name not in known}
    unknown = sorted(set(cut) - set(configuration.settings(IngestConfig)))
    if unknown:
        raise ConfigError(
            f"unknown setting {', '.join(unknown)}; the settings of archives are {', '.join(sorted(known))}; "
            f"those of cutting {', '.join(configuration.settings(IngestConfig))}"
        )
    if options.go_on:
        from tessera.ingest.archive.ledger import read_stream

        row = read_stream(Workspace.open(options.workspace))
        if row is None:
            raise WorkspaceError("there is nothing to go on with: begin with `tessera ingest gdc: --project P`")
        named = {**configuration.as_dict(row.stream), **named}
        cut = {**configuration.as_dict(row.ingest), **cut}
    return configuration.from_mapping(StreamConfig, named), configuration.from_mapping(IngestConfig, cut)


def _source(options: argparse.Namespace, config: StreamConfig) -> Source | None:
    """The one source that the words name; None goes on with the queue.

    Raises:
        ConfigError: none, or several.
    """
    others = [source for source in options.sources if str(source) != GDC_WORD]
    if others or options.tiles is not None:
        raise ConfigError("slides on disk and slides of an archive are two ingests: give one source at a time")
    if sum((bool(options.project or options.manifest), bool(options.urls), options.go_on)) > 1:
        raise ConfigError("give one of --project, --manifest, --urls and --go-on")
    if options.project and options.manifest:
        raise ConfigError("a manifest names its slides: leave --project out")
    if options.go_on:
        return None
    from tessera.ingest.archive.gdc import STRATEGIES, GdcSource
    from tessera.ingest.archive.manifest import ManifestSource, UrlListSource

    if options.urls is not None:
        return UrlListSource(options.urls, config)
    if options.manifest is not None:
        return ManifestSource(options.manifest, config)
    projects = [word.strip() for words in options.project or [] for word in words.split(",") if word.strip()]
    return GdcSource(config, projects, options.strategy or STRATEGIES[:1])


def _plan(
    options: argparse.Namespace, source: Source | None, config: StreamConfig, ingest: IngestConfig
) -> tuple[int, Any, str]:
    from tessera.ingest.archive.plan import make_plan

    if source is None:
        raise ConfigError("--plan needs a source: gdc: with --project or --manifest, or --urls")
    folder = options.workspace.resolve()
    while not folder.is_dir():
        folder = folder.parent
    free_bytes, catalogue = shutil.disk_usage(folder).free, source.catalogue()
    plan = make_plan(
        source.describe(), catalogue, config, ingest, free_bytes=free_bytes, workers=_workers_here(options)
    )
    return int(bool(plan.refusal)), dataclasses.asdict(plan), plan.summary()
