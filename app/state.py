"""One store of parameters per session: what is looked at, and what the ledger said last. Views watch it."""

from __future__ import annotations

from typing import Any

import param

from core import activity, runs
from core.curate import decisions
from core.errors import TesseraError
from core.explore.view import View, open_view
from core.workspace import Workspace, default_root


class Store(param.Parameterized):
    """State of one session. `poll` is called every second and changes parameters only when something is new."""

    run = param.String("", doc="run that is looked at")
    cluster = param.Integer(-1, doc="cluster that is open, -1 = none")
    tile = param.Integer(-1, doc="tile that is marked, -1 = none")
    author = param.String("", doc="who decides")

    cohort = param.Parameter((), doc="fingerprint of slides and rejected files")
    run_names = param.List([], doc="all runs")
    current = param.Parameter(None, doc="the run's row, core.runs.Run")
    shown = param.Parameter((), doc="(run, interval, map) that exists")
    names_version = param.Integer(0, doc="grows with every decision")
    activities = param.List([], doc="work that is going on, core.activity.Activity")
    exports = param.Parameter((), doc="fingerprint of the list of exports")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.workspace = Workspace.create(default_root())
        self.poll()

    def poll(self) -> None:
        """Read the ledger and publish what changed."""
        found = self.read()
        with param.parameterized.batch_call_watchers(self):
            for name, value in found.items():
                if getattr(self, name) != value:
                    setattr(self, name, value)

    def read(self) -> dict[str, Any]:
        """What the ledger says now; touches no parameter, so a thread may call it."""
        all_runs = runs.list_runs(self.workspace)
        names = [run.name for run in all_runs]
        chosen = self.run if self.run in names else (names[-1] if names else "")
        current = next((run for run in all_runs if run.name == chosen), None)
        with self.workspace.ledger.read() as connection:
            cohort = tuple(connection.execute("SELECT count(*), max(updated), sum(n_tiles) FROM slide").fetchone())
            exports = tuple(connection.execute("SELECT count(*), sum(state = 'running') FROM export").fetchone())
        mapped: tuple[int, ...] = ()
        if current is not None:
            mapped = tuple(self.workspace.run_folder(chosen).projections())
        return {
            "run_names": names,
            "run": chosen,
            "current": current,
            "cohort": cohort,
            "exports": exports,
            "shown": (chosen, current.interval if current else -1, mapped),
            "names_version": decisions.version(self.workspace, chosen) if chosen else 0,
            "activities": [item for item in activity.recent(self.workspace) if item.state == "running"],
        }

    def view(self) -> View | None:
        """The last complete clustering of the run, or None."""
        if self.current is None or self.current.interval < 0:
            return None
        try:
            return open_view(self.workspace, self.run)
        except TesseraError:
            return None

    def names(self) -> dict[int, str]:
        """Names of clusters of the run."""
        return decisions.names(self.workspace, self.run) if self.run else {}

    def title(self, cluster: int) -> str:
        """Name of a cluster, or its number."""
        return self.names().get(cluster) or f"cluster {cluster}"
