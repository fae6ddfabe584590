"""What each command of the command line does: call a room, print its answer.

Heavy modules are imported by the command that needs them, so that `tessera --help` answers at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tessera import config as configuration
from tessera.cli import archive
from tessera.cli.dashboard import Serving, start_dashboard
from tessera.cli.terminal import TerminalProgress
from tessera.config import KNOWN_ENCODERS, ExportConfig, IngestConfig, RunConfig
from tessera.errors import ConfigError, TesseraError
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    from tessera.runs.rows import Run

_POLL_S = 0.5
_SAVE_S = 20  # what a scheduler gives a process between SIGTERM and SIGKILL is mostly 30 s or more
_ASKED = {"run": "{} continues", "pause": "asked {} to pause", "stop": "asked {} to stop"}


def ingest(options: argparse.Namespace) -> int:
    """`tessera ingest`: 1 when a slide failed or nothing was found."""
    from tessera.cli.main import INGEST_OPTIONS
    from tessera.ingest import pipeline, tile_folder

    named = _named(options, INGEST_OPTIONS)
    if archive.is_stream(options):
        code, machine, human = archive.run(options, named)
        _answer(options, machine, human)
        return code
    config = configuration.from_mapping(IngestConfig, named)
    if not options.sources and options.tiles is None:
        raise ConfigError("nothing to ingest: name slides or folders of slides, --tiles FOLDER, or gdc: --project P")
    workspace = Workspace.create(options.workspace)
    with TerminalProgress(quiet=options.json) as bars, track(workspace, "ingest", also=bars) as progress:
        if options.tiles is not None:
            report = tile_folder.ingest_tiles(workspace, options.tiles, config, progress)
        else:
            report = pipeline.ingest(workspace, options.sources, config, progress)
    report.asked_for(named)
    if options.json:
        _print_json(dataclasses.asdict(report))
    else:
        print(report.summary())
    return 0 if report.ok else 1


def run(options: argparse.Namespace) -> int:
    """`tessera run`: start the worker process and follow it; under torchrun, be one of its processes."""
    from tessera.runs.create import create
    from tessera.runs.process import launch

    workspace = Workspace.open(options.workspace)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return _run_together(workspace, options)
    config = configuration.load(RunConfig, options.config, configuration.parse_overrides(options.settings))
    if config.encoder.name not in KNOWN_ENCODERS:  # what the worker would refuse a minute later
        from tessera.learn.nets.encoders import check_timm

        check_timm(config.encoder.name)
    created = create(workspace, config, options.name)
    launch(created)
    if not options.detach:
        return _follow(created, options)
    _answer(options, {"run": created.name}, f"{created.name} is running; follow it with `tessera status`")
    return 0


def _run_together(workspace: Workspace, options: argparse.Namespace) -> int:
    """One of the processes that torchrun started; the first of them creates the run, and all are its worker."""
    from tessera.learn.features.distributed import Ranks
    from tessera.learn.train import trainer
    from tessera.runs.create import create
    from tessera.runs.rows import open_run

    ranks = Ranks.of(os.environ)
    try:
        name = ""
        if ranks.first:
            config = configuration.load(RunConfig, options.config, configuration.parse_overrides(options.settings))
            name = create(workspace, config, options.name).name
        name = ranks.tell(name)
        trainer.work(workspace, name, ranks)
    finally:
        ranks.leave()
    if ranks.first:
        _answer(options, {"run": name, "state": open_run(workspace, name).state, "message": ""}, f"{name} finished")
    return 0


def _follow(run: Run, options: argparse.Namespace) -> int:
    """Draw a run's progress until it ends, then what was said of it; Ctrl-C and SIGTERM stop the run, saved.

    A parent that is killed outright (kill -9) leaves the worker at work, by design: `tessera stop` ends it.
    """
    from tessera.runs.figures import events
    from tessera.runs.process import request
    from tessera.runs.text import summarise_events

    before = signal.signal(signal.SIGTERM, _end_by_signal)
    try:
        with TerminalProgress(quiet=options.json) as bars:
            _watch(run, bars)
    except (KeyboardInterrupt, _TerminatedError) as ended:
        request(run, "stop")
        print(f"stopping {run.name}; `tessera resume {run.name}` continues from here", file=sys.stderr)
        if isinstance(ended, KeyboardInterrupt):
            return 130
        _wait_for_end(run)
        return 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
    now, said = run.refreshed(), summarise_events(events(run))
    lines = [f"{run.name} {now.state} {now.message}".strip(), *[f"  {level}: {text}" for level, text in said]]
    answer = {"run": run.name, "state": now.state, "message": now.message, "said": [text for _, text in said]}
    _answer(options, answer, "\n".join(lines))
    return 0 if now.state in ("finished", "stopped") else 1


class _TerminatedError(Exception):
    """This process was asked to end by SIGTERM."""


def _end_by_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature is Python's
    raise _TerminatedError


def _watch(run: Run, bars: TerminalProgress) -> None:
    """Draw until the run ends or its worker is gone."""
    while True:
        now = run.refreshed()
        if now.state == "running" and now.phase:
            interval = min(now.interval + 1, now.config.epochs)
            phase = f"{run.name} interval {interval} of {now.config.epochs}: {now.phase}"
            bars.update(phase, round(100 * now.progress), 100)
        if now.state in ("finished", "failed", "stopped") or not now.alive:
            return
        time.sleep(_POLL_S)


def _wait_for_end(run: Run) -> None:
    """Wait until the worker has saved and ended, as long as whoever ended us is likely to let us."""
    until = time.monotonic() + _SAVE_S
    while run.refreshed().alive and time.monotonic() < until:
        time.sleep(_POLL_S / 5)


def work(options: argparse.Namespace) -> int:
    """`tessera work`: the worker process itself; under torchrun, one of several."""
    from tessera.learn.features.distributed import Ranks
    from tessera.learn.train import trainer

    ranks = Ranks.of(os.environ)
    try:
        trainer.work(Workspace.open(options.workspace), options.name, ranks)
    finally:
        ranks.leave()
    return 0


def status(options: argparse.Namespace) -> int:
    """`tessera status`."""
    from tessera.cli.status import describe, summarise

    summary = summarise(Workspace.open(options.workspace))
    _answer(options, summary, describe(summary))
    return 0


def pause(options: argparse.Namespace) -> int:
    """`tessera pause R`."""
    return _request(options, "pause")


def resume(options: argparse.Namespace) -> int:
    """`tessera resume R`."""
    return _request(options, "run")


def stop(options: argparse.Namespace) -> int:
    """`tessera stop R`."""
    return _request(options, "stop")


def _request(options: argparse.Namespace, what: str) -> int:
    from tessera.runs.process import request
    from tessera.runs.rows import open_run, run_names

    workspace = Workspace.open(options.workspace)
    if options.name == archive.INGEST_WORD and options.name not in run_names(workspace):
        archive.request(workspace, what)
        words = _ASKED[what].format("the ingest")
    else:
        run, words = open_run(workspace, options.name), _ASKED[what].format(options.name)
        if what == "run" and run.alive and run.state == "running" and run.requested == "run":
            words = f"{options.name} is running already"
        request(run, what)
    _answer(options, {"run": options.name, "want": what}, words)
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """`tessera evaluate R`."""
    from tessera.learn.evaluate.labels import describe, evaluate

    scores = evaluate(Workspace.open(options.workspace), options.name, options.interval)
    _answer(options, scores, describe(scores))
    return 0


def cluster(options: argparse.Namespace) -> int:
    """`tessera cluster R --with rcc`."""
    from tessera.learn.reuse.partition import partition

    workspace = Workspace.open(options.workspace)
    with (
        TerminalProgress(quiet=options.json) as bars,
        track(workspace, "cluster", run=options.name, also=bars) as progress,
    ):
        made = partition(
            workspace,
            options.name,
            clusterer=options.clusterer,
            clusters=options.clusters,
            name=options.new_name,
            changes=configuration.parse_overrides(options.settings),
            progress=progress,
        )
    human = f"{made.name}: {made.n_clusters} clusters of {made.n_tiles:,} tiles in {made.seconds:.1f} s ({made.how})"
    _answer(options, dataclasses.asdict(made), human)
    return 0


def compare(options: argparse.Namespace) -> int:
    """`tessera compare R R2 ...`."""
    from tessera.learn.evaluate.compare import compare, describe

    if len(options.names) < 2 and not options.stability:
        raise ConfigError("name two runs or more, or one and --stability")
    workspace = Workspace.open(options.workspace)
    with TerminalProgress(quiet=options.json) as bars:
        if options.stability:
            with track(workspace, "stability", run=options.names[0], also=bars) as progress:
                found = compare(workspace, options.names, stability=True, progress=progress)
        else:
            found = compare(workspace, options.names, progress=bars)
    _answer(options, found, describe(found))
    return 0


def assign(options: argparse.Namespace) -> int:
    """`tessera assign R`: ingest what is named, then place all later tiles; 1 when a slide failed."""
    from tessera.curate.transfer import carry_over
    from tessera.ingest import pipeline, tile_folder
    from tessera.learn.reuse.assign import assign

    workspace = Workspace.open(options.workspace)
    config = pipeline.config_of(workspace)
    ok = True
    with TerminalProgress(quiet=options.json) as bars:
        if options.sources:
            with track(workspace, "ingest", also=bars) as progress:
                ok &= pipeline.ingest(workspace, options.sources, config, progress).ok
        if options.tiles is not None:
            with track(workspace, "ingest", also=bars) as progress:
                ok &= tile_folder.ingest_tiles(workspace, options.tiles, config, progress).ok
        with track(workspace, "assign", run=options.name, also=bars) as progress:
            found = assign(workspace, options.name, to=options.to, progress=progress)
            carry_over(workspace, (options.name, None), (found.run, 0), author="tessera assign")
    _answer(options, dataclasses.asdict(found), found.summary())
    return int(not ok)


def project(options: argparse.Namespace) -> int:
    """`tessera project R`."""
    from tessera.explore.projection import project
    from tessera.explore.sharpness import MOST_AT_ONCE, measure_sharpness, read_sharpness

    workspace = Workspace.open(options.workspace)
    with (
        TerminalProgress(quiet=options.json) as bars,
        track(workspace, "map", run=options.name, also=bars) as progress,
    ):
        xy = project(workspace, options.name, options.interval, progress=progress)
        measured = read_sharpness(workspace)
        if workspace.n_tiles() - (0 if measured is None else len(measured)) <= MOST_AT_ONCE:
            measure_sharpness(workspace, progress)  # so that the map can be coloured by it
    answer = {"run": options.name, "interval": workspace.run_folder(options.name).projections()[-1], "tiles": len(xy)}
    _answer(options, answer, f"placed {len(xy):,} tiles of {options.name} on the map")
    return 0


def export(options: argparse.Namespace) -> int:
    """`tessera export R --to DIR`."""
    from tessera.cli.main import EXPORT_OPTIONS
    from tessera.curate.export.write import export

    workspace = Workspace.open(options.workspace)
    config = configuration.from_mapping(ExportConfig, _named(options, EXPORT_OPTIONS))
    chosen = _cluster_list(options.clusters)
    with (
        TerminalProgress(quiet=options.json) as bars,
        track(workspace, "export", run=options.name, also=bars) as progress,
    ):
        report = export(
            workspace,
            options.name,
            options.to,
            format=options.format,
            clusters=chosen,
            interval=options.interval,
            author=options.author or getpass.getuser(),
            config=config,
            progress=progress,
        )
    answer = {
        key: str(value) if isinstance(value, Path) else value for key, value in dataclasses.asdict(report).items()
    }
    _answer(options, answer, f"wrote {report.n_tiles:,} tiles to {report.path}")
    return 0


def _named(options: argparse.Namespace, names: tuple[str, ...]) -> dict[str, str]:
    """Settings given as options of their own, and those given by --set."""
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return {**given, **configuration.parse_overrides(options.settings)}


def _cluster_list(text: str | None) -> list[int] | str | None:
    """None: the named ones; "all"; or numbers."""
    if text is None or text == "all":
        return text
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--clusters {text}: write cluster numbers as 3,7,12, or all") from error


def serve(options: argparse.Namespace) -> int:
    """`tessera serve`: run `panel serve app/` on this workspace."""
    workspace = Workspace.create(options.workspace)
    process = start_dashboard(workspace.root, _serving(options))
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        process.terminate()
        process.wait()


def _serving(options: argparse.Namespace) -> Serving:
    if (options.tls_cert is None) != (options.tls_key is None):
        raise TesseraError("--tls-cert and --tls-key go together: a certificate needs its key")
    return Serving(
        port=options.port,
        address=options.address,
        passwords=options.basic_auth,
        editors=options.editors,
        origins=tuple(options.origin),
        tls=None if options.tls_cert is None else (options.tls_cert, options.tls_key),
    )


def password(options: argparse.Namespace) -> int:
    """`tessera password`."""
    from tessera.cli.password import password as set_one

    print(set_one(options.name, options.file, options.role, gone=options.remove))
    return 0


def demo(options: argparse.Namespace) -> int:
    """`tessera demo`: the page opens first and says what is being done."""
    from tessera.demo import demo

    workspace = Workspace.create(options.workspace)
    server = None if options.no_serve else start_dashboard(workspace.root, _serving(options))
    try:
        with TerminalProgress() as bars:
            demo.prepare(workspace, bars, offline=options.offline)
        if server is None:
            return 0
        print(f"The demo is ready: {_serving(options).url}", flush=True)
        return server.wait()
    finally:
        if server is not None:
            server.terminate()
            server.wait()


def doctor(options: argparse.Namespace) -> int:
    """`tessera doctor`: 1 when something that is needed is missing."""
    from tessera.cli.doctor import describe, examine

    findings = []
    for finding in examine(options.workspace):
        findings.append(finding)
        if not options.json:
            print(describe(finding), flush=True)
    if options.json:
        _print_json({"findings": [dataclasses.asdict(finding) for finding in findings]})
    return int(any(finding.state == "missing" for finding in findings))


def _answer(options: argparse.Namespace, machine: dict[str, Any], human: str) -> None:
    if options.json:
        _print_json(machine)
    else:
        print(human)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, default=str))
