"""What the run page says about a run beyond its row: time left, last figures, all runs in a table."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tessera.learn.evaluate import saved
from tessera.runs import figures
from tessera.runs.figures import Event, Metric
from tessera.runs.rows import Run, list_runs
from tessera.workspace.folder import Workspace

from tessera_app.pages.run.presets import LOOK
from tessera_app.pages.run.settling import verdict

_EVENTS = 60


@dataclass(frozen=True)
class RunFacts:
    """What is read for the run that is looked at.

    Attributes:
        run: its row.
        last: name of each figure to its last value.
        left_s: seconds it will still take, None when it cannot be said.
        events: what happened, newest first.
        log: end of the worker's log, only of a run that failed.
        settled: whether its clusters settle, in words.
        evaluation: the last one; None when there is none.
    """

    run: Run
    last: dict[str, float]
    left_s: float | None
    events: list[Event]
    log: str
    settled: str
    evaluation: dict[str, Any] | None = None


def read_run(run: Run) -> RunFacts:
    """Read everything the page shows of one run."""
    measured = figures.metrics(run)
    last = {metric.name: metric.value for metric in measured}
    if "loss" in last:
        last["loss"] = loss_of(measured)
    nmi = {metric.interval: metric.value for metric in measured if metric.name == "nmi"}
    settled = verdict([nmi[interval] for interval in sorted(nmi)], trains(run))
    log = figures.log_tail(run) if run.state == "failed" else ""
    return RunFacts(
        run,
        last,
        time_left(run, measured, time.time()),
        figures.events(run, _EVENTS),
        log,
        settled,
        saved.load(run.folder),
    )


def read_all(workspace: Workspace) -> list[tuple[Run, float | None]]:
    """All runs, newest first, with their last NMI(t, t-1)."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT run_id, value, max(interval) FROM metric WHERE name = 'nmi' GROUP BY run_id"
        ).fetchall()
    nmi = {row["run_id"]: row["value"] for row in rows}
    return [(run, nmi.get(run.id)) for run in reversed(list_runs(workspace))]


def trains(run: Run) -> bool:
    """Whether a run trains a network, as far as its settings can be read."""
    return run.settings is None or run.settings.method.name != LOOK


def loss_of(measured: Sequence[Metric]) -> float:
    """The loss of the last interval: the mean over its batches; each figure is the mean since the one before.

    Args:
        measured: figures of a run, oldest first, with at least one loss.
    """
    losses = sorted((metric for metric in measured if metric.name == "loss"), key=lambda metric: metric.step)
    total = weight = 0.0
    before = 0
    for metric in losses:
        batches = max(metric.step - before, 1)
        before = metric.step
        if metric.interval == losses[-1].interval:
            total, weight = total + batches * metric.value, weight + batches
    return total / weight


def time_left(run: Run, measured: list[Metric], now: float) -> float | None:
    """Seconds until a running run ends, from the median time of its intervals so far.

    None before the second clustering.

    Args:
        run: the run.
        measured: all its figures, oldest first.
        now: seconds since 1970.
    """
    if run.state != "running" or not run.alive:
        return None
    marks = [metric.time for metric in measured if metric.name == "clusters" and metric.time >= (run.started or 0)]
    if len(marks) < 2:
        return None
    each = statistics.median(later - earlier for earlier, later in itertools.pairwise(marks))
    return max(each * (run.epochs - run.interval) - (now - marks[-1]), 0.0)
