"""`tessera ingest` from an archive: what the words mean together, and what they call."""

from __future__ import annotations

import dataclasses
import logging
import os
import shlex
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tessera import config as configuration
from tessera.cli.ingest_options import Archive, Streaming, exit_code
from tessera.cli.options import DONE, FAILED, Answering
from tessera.cli.terminal import TerminalProgress
from tessera.config import IngestConfig, StreamConfig
from tessera.errors import ConfigError, WorkspaceError
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    from tessera.ingest.archive.catalogue import Source
    from tessera.ingest.archive.machines import Place
    from tessera.ingest.report import IngestReport

logger = logging.getLogger(__name__)

GDC_WORD = "gdc:"


@dataclass(frozen=True)
class Words:
    """What stood after `tessera ingest`.

    Attributes:
        sources: files, folders, or gdc:.
        tiles: a folder of ready-made tiles.
        archive: which slides of which archive, and who shares the work.
        streaming: settings of `StreamConfig` with an option of their own.
        common: workspace and how to answer.
    """

    sources: tuple[Path, ...]
    tiles: Path | None
    archive: Archive
    streaming: Streaming
    common: Answering


def is_stream(words: Words) -> bool:
    """Whether the words name an archive.

    Raises:
        ConfigError: they name what only archives have, and no archive.
    """
    options = words.archive
    if GDC_WORD in map(str, words.sources) or options.manifest or options.urls or options.go_on:
        return True
    for option, values in (("--project", options.project), ("--strategy", options.strategy)):
        if values:
            raise ConfigError(f"{option} is of the GDC: write `tessera ingest gdc: {option} {shlex.quote(values[0])}`")
    if options.plan or options.retry_failed or options.launch:
        option = "--plan" if options.plan else "--retry-failed" if options.retry_failed else "--launch"
        raise ConfigError(f"{option} is for archives: give it with gdc: --project P, --manifest, --urls or --go-on")
    return False


def stream_command(words: Words, given: dict[str, Any]) -> int:
    """Take slides of an archive in, or say what that will take.

    Args:
        words: what was typed.
        given: settings that were named, of `IngestConfig` and by --set of either config.

    Returns:
        Exit code.

    Raises:
        ConfigError: words that do not go together, or an unknown setting.
    """
    from tessera.ingest.archive.coordinator import check_place
    from tessera.ingest.archive.crew import work
    from tessera.ingest.archive.machines import Place

    place, options = Place.of(os.environ), words.archive
    check_place(place)
    if options.launch and place.world > 1:
        raise ConfigError("--launch starts workers itself: leave it out where RANK or an array job does")
    if options.workers != 1 and not options.launch:
        raise ConfigError("--workers goes with --launch, which starts them")
    if place.rank:
        n = work(words.common.workspace.resolve(), place)
        words.common.answer(
            {"rank": place.rank, "slides": n}, f"worker {place.rank} of {place.world} has cut {n} slides"
        )
        return DONE
    stream_config, ingest_config = _configs(words, given)
    source = _source(words, stream_config)
    if options.plan:
        return _plan(words, source, stream_config, ingest_config)
    report = _stream(words, source, stream_config, ingest_config, place)
    report.asked_for(given)
    words.common.answer(dataclasses.asdict(report), report.summary())
    return exit_code(report)


def _stream(
    words: Words, source: Source | None, config: StreamConfig, ingest: IngestConfig, place: Place
) -> IngestReport:
    from tessera.ingest.archive.coordinator import stream
    from tessera.ingest.archive.launch import workers

    if _workers_here(words) > 1:
        from tessera.ingest.archive.plan import together

        logger.warning("%s; --slide-budget is each one's own", together(words.archive.workers, config.slide_budget))
    workspace = Workspace.create(words.common.workspace)
    if words.archive.retry_failed:
        from tessera.ingest.archive.ledger import retry_failed

        retry_failed(workspace)
    with (
        TerminalProgress(quiet=words.common.json) as bars,
        track(workspace, "ingest", also=bars) as progress,
        ExitStack() as stack,
    ):
        if words.archive.launch:
            place = stack.enter_context(workers(words.archive.launch, workspace.root.resolve(), words.archive.workers))
        return stream(workspace, source, config, ingest, progress=progress, place=place)


def _workers_here(words: Words) -> int:
    """Workers that share this machine's disk."""
    return words.archive.workers if words.archive.launch == "local" else 1


def _configs(words: Words, given: dict[str, str]) -> tuple[StreamConfig, IngestConfig]:
    """Both configs from what was named and, with --go-on, from what was recorded."""
    known = set(configuration.settings(StreamConfig))
    named: dict[str, Any] = {name: value for name, value in given.items() if name in known}
    named |= {name: value for name, value in vars(words.streaming).items() if value is not None}
    cut: dict[str, Any] = {name: value for name, value in given.items() if name not in known}
    unknown = sorted(set(cut) - set(configuration.settings(IngestConfig)))
    if unknown:
        raise ConfigError(
            f"unknown setting {', '.join(unknown)}; the settings of archives are {', '.join(sorted(known))}; "
            f"those of cutting {', '.join(configuration.settings(IngestConfig))}"
        )
    if words.archive.go_on:
        from tessera.ingest.archive.ledger import read_stream

        row = read_stream(Workspace.open(words.common.workspace))
        if row is None:
            raise WorkspaceError("there is nothing to continue: start with `tessera ingest gdc: --project P`")
        named = {**configuration.as_dict(row.stream), **named}
        cut = {**configuration.as_dict(row.ingest), **cut}
    return configuration.from_mapping(StreamConfig, named), configuration.from_mapping(IngestConfig, cut)


def _source(words: Words, config: StreamConfig) -> Source | None:
    """The one source that the words name; None goes on with the queue.

    Raises:
        ConfigError: none, or several.
    """
    others = [source for source in words.sources if str(source) != GDC_WORD]
    if others or words.tiles is not None:
        raise ConfigError("slides on disk and slides of an archive are two ingests: give one source at a time")
    if sum((bool(words.archive.project or words.archive.manifest), bool(words.archive.urls), words.archive.go_on)) > 1:
        raise ConfigError("give one of --project, --manifest, --urls and --go-on")
    if words.archive.project and words.archive.manifest:
        raise ConfigError("a manifest names its slides: leave --project out")
    if words.archive.go_on:
        return None
    from tessera.ingest.archive.gdc import STRATEGIES, GdcSource
    from tessera.ingest.archive.manifest import ManifestSource, UrlListSource

    if words.archive.urls is not None:
        return UrlListSource(words.archive.urls, config)
    if words.archive.manifest is not None:
        return ManifestSource(words.archive.manifest, config)
    projects = [name.strip() for names in words.archive.project or [] for name in names.split(",") if name.strip()]
    return GdcSource(config, projects, words.archive.strategy or STRATEGIES[:1])


def _plan(words: Words, source: Source | None, config: StreamConfig, ingest: IngestConfig) -> int:
    from tessera.ingest.archive.plan import make_plan

    if source is None:
        raise ConfigError("--plan needs a source: gdc: with --project or --manifest, or --urls")
    folder = words.common.workspace.resolve()
    while not folder.is_dir():
        folder = folder.parent
    free_bytes, catalogue = shutil.disk_usage(folder).free, source.catalogue()
    plan = make_plan(source.describe(), catalogue, config, ingest, free_bytes=free_bytes, workers=_workers_here(words))
    words.common.answer(dataclasses.asdict(plan), plan.summary())
    return FAILED if plan.refusal else DONE
