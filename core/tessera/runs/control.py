"""Runs by name: the door for command line, pages and notebooks, where a name comes in and a handle goes on.

Inside Tessera a `Run` is passed on (`tessera.runs.rows`); it is created in `create`, steered in `process`, and its
figures are read in `figures`.
"""

from __future__ import annotations

from tessera.runs import figures, process
from tessera.runs.create import check_clusters, check_machine, create, discard, free_name, record_finished
from tessera.runs.figures import Event, Metric
from tessera.runs.rows import Run, list_runs, open_run
from tessera.workspace.folder import Workspace

__all__ = [
    "Event",
    "Metric",
    "Run",
    "check_clusters",
    "check_machine",
    "claim",
    "create",
    "discard",
    "events",
    "free_name",
    "get",
    "launch",
    "list_runs",
    "log_tail",
    "metrics",
    "record_finished",
    "request",
]

get = open_run


def launch(workspace: Workspace, name: str) -> int:
    """Start the worker of a run; see `tessera.runs.process.launch`."""
    return process.launch(open_run(workspace, name))


def claim(workspace: Workspace, name: str, pid: int) -> None:
    """Record which process works on a run; see `tessera.runs.process.claim`."""
    process.claim(open_run(workspace, name), pid)


def request(workspace: Workspace, name: str, what: str) -> None:
    """Ask a run to run, pause or stop; see `tessera.runs.process.request`."""
    process.request(open_run(workspace, name), what)


def metrics(workspace: Workspace, name: str, after_time: float = 0) -> list[Metric]:
    """Figures of a run; see `tessera.runs.figures.metrics`."""
    return figures.metrics(open_run(workspace, name), after_time)


def events(workspace: Workspace, name: str, limit: int = 100) -> list[Event]:
    """Events of a run; see `tessera.runs.figures.events`."""
    return figures.events(open_run(workspace, name), limit)


def log_tail(workspace: Workspace, name: str, lines: int = 40) -> str:
    """The end of a worker's log; see `tessera.runs.figures.log_tail`."""
    return figures.log_tail(open_run(workspace, name), lines)
