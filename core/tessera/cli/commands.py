"""What each command of the command line does: call a room, print its answer.

Heavy modules are imported by the command that needs them, so that `tessera --help` answers at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tessera import config as configuration
from tessera.cli import archive
from tessera.cli.terminal import TerminalProgress
from tessera.config import KNOWN_ENCODERS, ExportConfig, IngestConfig, RunConfig
from tessera.errors import ConfigError, TesseraError
from tessera.workspace.activity import track
from tessera.workspace.background import SAFE_PYTHON, safe_environment
from tessera.workspace.folder import ENVIRONMENT_VARIABLE, Workspace

_POLL_S = 0.5
_ASKED = {"run": "{} goes on", "pause": "asked {} to pause", "stop": "asked {} to stop"}
_CHECKOUT_APP = Path(__file__).resolve().parents[3] / "app" / "tessera_app"
_LOCAL = ("127.0.0.1", "localhost", "::1")


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
    from tessera.runs import control

    workspace = Workspace.open(options.workspace)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return _run_together(workspace, options)
    config = configuration.load(RunConfig, options.config, configuration.parse_overrides(options.settings))
    if config.encoder not in KNOWN_ENCODERS:  # what the worker would refuse a minute later
        from tessera.learn.nets.encoders import check_timm

        check_timm(config.encoder)
    created = control.create(workspace, config, options.name)
    control.launch(workspace, created.name)
    if not options.detach:
        return _follow(workspace, created.name, options)
    _answer(options, {"run": created.name}, f"{created.name} is running; follow it with `tessera status`")
    return 0


def _run_together(workspace: Workspace, options: argparse.Namespace) -> int:
    """One of the processes that torchrun started; the first of them creates the run, and all are its worker."""
    from tessera.learn.features.distributed import Ranks
    from tessera.learn.train import trainer
    from tessera.runs import control

    ranks = Ranks.of(os.environ)
    try:
        name = ""
        if ranks.first:
            config = configuration.load(RunConfig, options.config, configuration.parse_overrides(options.settings))
            name = control.create(workspace, config, options.name).name
        name = ranks.tell(name)
        trainer.work(workspace, name, ranks)
    finally:
        ranks.leave()
    if ranks.first:
        _answer(options, {"run": name, "state": control.get(workspace, name).state, "message": ""}, f"{name} finished")
    return 0


def _follow(workspace: Workspace, name: str, options: argparse.Namespace) -> int:
    """Draw a run's progress until it ends, then what was said of it; Ctrl-C stops the run, saved."""
    from tessera.runs import control
    from tessera.runs.text import told

    try:
        with TerminalProgress(quiet=options.json) as bars:
            while True:
                current = control.get(workspace, name)
                if current.state == "running" and current.phase:
                    interval = min(current.interval + 1, current.config.epochs)
                    phase = f"{name} interval {interval} of {current.config.epochs}: {current.phase}"
                    bars.update(phase, round(100 * current.progress), 100)
                if current.state in ("finished", "failed", "stopped") or not current.alive:
                    break
                time.sleep(_POLL_S)
    except KeyboardInterrupt:
        control.request(workspace, name, "stop")
        print(f"stopping {name}; `tessera resume {name}` goes on from here", file=sys.stderr)
        return 130
    current, said = control.get(workspace, name), told(control.events(workspace, name))
    lines = [f"{name} {current.state} {current.message}".strip(), *[f"  {level}: {text}" for level, text in said]]
    answer = {"run": name, "state": current.state, "message": current.message, "said": [text for _, text in said]}
    _answer(options, answer, "\n".join(lines))
    return 0 if current.state in ("finished", "stopped") else 1


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


def _request(options: argparse.Namespace, want: str) -> int:
    from tessera.runs import control

    workspace = Workspace.open(options.workspace)
    if options.name == archive.INGEST_WORD and all(run.name != options.name for run in control.list_runs(workspace)):
        archive.request(workspace, want)
        words = _ASKED[want].format("the ingest")
    else:
        words = _ASKED[want].format(options.name)
        present = control.get(workspace, options.name)
        if want == "run" and present.alive and present.state == "running" and present.want == "run":
            words = f"{options.name} is running already"
        control.request(workspace, options.name, want)
    _answer(options, {"run": options.name, "want": want}, words)
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
    human = f"{made.name}: {made.n_clusters} clusters of {made.n_tiles:,} tiles in {made.seconds:.1f} s"
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

    workspace = Workspace.open(options.workspace)
    with (
        TerminalProgress(quiet=options.json) as bars,
        track(workspace, "map", run=options.name, also=bars) as progress,
    ):
        xy = project(workspace, options.name, options.interval, progress=progress)
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


def _served_folder() -> str:
    """The folder with main.py and app_hooks.py: inside an installed package, or app/ of the checkout."""
    found = importlib.util.find_spec("tessera_app")
    package = Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else _CHECKOUT_APP
    for folder in (package / "app", package.parent):
        if (folder / "app_hooks.py").is_file():
            return str(folder)
    raise TesseraError("the dashboard (package tessera_app) is not installed: run `make install` in the checkout")


def serve(options: argparse.Namespace) -> int:
    """`tessera serve`: run `panel serve app/` on this workspace."""
    workspace = Workspace.create(options.workspace)
    process = start_dashboard(workspace.root, options)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        process.terminate()
        process.wait()


def start_dashboard(root: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start the dashboard's server process.

    Args:
        root: the workspace folder.
        options: port, address, basic_auth and editors.

    Raises:
        TesseraError: the dashboard is not installed, or it would be open to others without a password.
    """
    if options.editors and options.basic_auth is None:
        raise TesseraError("--editors names logins: give --basic-auth FILE with it, or nobody has one")
    if options.address not in _LOCAL and options.basic_auth is None:
        raise TesseraError(
            f"refusing to serve slides on {options.address} without a password: give --basic-auth FILE, "
            "or serve on 127.0.0.1 behind a proxy that asks for one"
        )
    folder = _served_folder()
    origin = f"{options.address}:{options.port}"
    words = [*SAFE_PYTHON, "-m", "panel", "serve", folder, "--port", str(options.port), "--address", options.address]
    words += [
        "--num-threads",
        "4",
        "--allow-websocket-origin",
        origin,
        "--allow-websocket-origin",
        f"localhost:{options.port}",
    ]
    if options.basic_auth is not None:
        words += ["--basic-auth", options.basic_auth, "--cookie-secret", os.urandom(16).hex()]
    print(f"Tessera dashboard: http://{origin}/app  (workspace {root}; Ctrl-C ends it)", flush=True)
    settings = {ENVIRONMENT_VARIABLE: str(root)} | ({"TESSERA_EDITORS": options.editors} if options.editors else {})
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that callers end the server too
    return subprocess.Popen(words, env={**safe_environment(os.environ), **settings})


def demo(options: argparse.Namespace) -> int:
    """`tessera demo`: the page opens first and says what is being done."""
    from tessera.demo import demo

    workspace = Workspace.create(options.workspace)
    server = None if options.no_serve else start_dashboard(workspace.root, options)
    try:
        with TerminalProgress() as bars:
            demo.prepare(workspace, bars, offline=options.offline)
        if server is None:
            return 0
        print(f"The demo is ready: http://{options.address}:{options.port}/app", flush=True)
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
