"""`tessera run` and `tessera work`: start a run's worker and follow it, or be it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tessera import config as configuration
from tessera.cli.options import ANSWERING, COMMON, DONE, FAILED, INTERRUPTED, Answering, Common, Settings
from tessera.cli.terminal import TerminalProgress
from tessera.config import KNOWN_ENCODERS, RunConfig
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    from tessera.runs.rows import Run

_POLL_S = 0.5
_SAVE_S = 20  # what a scheduler gives a process between SIGTERM and SIGKILL is mostly 30 s or more


def run(
    *,
    name: Annotated[str | None, Parameter(help="Name of the run; run-1, run-2, ... if not given.")] = None,
    config: Annotated[
        Path | None, Parameter(help="TOML or JSON file of settings; `tessera config` writes one.")
    ] = None,
    settings: Settings = None,
    detach: Annotated[bool, Parameter(help="Start it and return at once.", show_default=False)] = False,
    common: Answering = ANSWERING,
) -> int:
    """Train: cluster, pseudo-label, learn, repeat.

    The run is a process of its own. Ctrl-C or SIGTERM here let it save and stop; if this command is killed outright
    (kill -9), the run goes on, and `tessera stop` ends it. Under torchrun this command is one of the run's processes.
    """
    from tessera.runs.create import create
    from tessera.runs.process import launch

    workspace = Workspace.open(common.workspace)
    wanted = configuration.load(RunConfig, config, configuration.parse_overrides(settings or []))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return _run_together(workspace, wanted, name, common)
    if wanted.encoder.name not in KNOWN_ENCODERS:  # what the worker would refuse a minute later
        from tessera.learn.nets.encoders import check_name

        check_name(wanted.encoder.name, wanted.tile_px)
    created = create(workspace, wanted, name)
    launch(created)
    if not detach:
        return follow(created, common)
    common.answer({"run": created.name}, f"{created.name} is running; follow it with `tessera status`")
    return DONE


def work(name: Annotated[str, Parameter(help="The run.")], /, *, common: Common = COMMON) -> int:
    """Be the worker process of a run; under torchrun, one of several. `tessera run` and the dashboard start it."""
    from tessera.learn.features.distributed import Ranks
    from tessera.learn.train import trainer

    ranks = Ranks.of(os.environ)
    try:
        trainer.work(Workspace.open(common.workspace), name, ranks)
    finally:
        ranks.leave()
    return DONE


def _run_together(workspace: Workspace, config: RunConfig, wanted: str | None, common: Answering) -> int:
    """One of the processes that torchrun started; the first of them creates the run, and all are its worker."""
    from tessera.learn.features.distributed import Ranks
    from tessera.learn.train import trainer
    from tessera.runs.create import create
    from tessera.runs.rows import open_run

    ranks = Ranks.of(os.environ)
    try:
        name = ranks.tell(create(workspace, config, wanted).name if ranks.first else "")
        trainer.work(workspace, name, ranks)
    finally:
        ranks.leave()
    if ranks.first:
        state = open_run(workspace, name).state
        common.answer({"run": name, "state": state, "message": ""}, f"{name} finished")
    return DONE


class _TerminatedError(Exception):
    """This process was asked to end by SIGTERM."""


def _end_by_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature is Python's
    raise _TerminatedError


def follow(run: Run, common: Answering) -> int:
    """Draw a run's progress until it ends, then what was said of it; Ctrl-C and SIGTERM stop the run, saved."""
    from tessera.runs.figures import events
    from tessera.runs.process import request
    from tessera.runs.text import summarise_events

    before = signal.signal(signal.SIGTERM, _end_by_signal)
    try:
        with TerminalProgress(quiet=common.json) as bars:
            _watch(run, bars)
    except (KeyboardInterrupt, _TerminatedError) as ended:
        request(run, "stop")
        print(f"stopping {run.name}; `tessera resume {run.name}` continues from here", file=sys.stderr)
        if isinstance(ended, KeyboardInterrupt):
            return INTERRUPTED
        _wait_for_end(run)
        return 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
    now, said = run.refreshed(), summarise_events(events(run))
    lines = [f"{run.name} {now.state} {now.message}".strip(), *[f"  {level}: {text}" for level, text in said]]
    answer = {"run": run.name, "state": now.state, "message": now.message, "said": [text for _, text in said]}
    common.answer(answer, "\n".join(lines))
    return DONE if now.state in ("finished", "stopped") else FAILED


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
