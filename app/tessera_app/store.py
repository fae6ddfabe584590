"""One store of parameters per session: what is looked at, and what the ledger said last. Views watch it."""

from __future__ import annotations

import zlib
from typing import Any

import panel as pn
import param
from tessera.curate.curated import curated_of
from tessera.curate.decisions.history import version_of
from tessera.curate.decisions.state import State, state_by, state_of
from tessera.errors import AccessError, TesseraError
from tessera.explore.clustering import Clustering
from tessera.runs.rows import Run, list_runs, open_run
from tessera.workspace import activity
from tessera.workspace.background import start_command
from tessera.workspace.folder import Workspace, default_root

from tessera_app import access
from tessera_app.pages.cohort import archive_facts

PAGES = ("cohort", "run", "explore", "slide", "review", "export")  # in the order of the bar
CHOOSE = -2  # no cluster has been chosen: the page opens the one that wins most by a name


class Store(param.Parameterized):
    """State of one session. `poll` is called every second and changes parameters only when something is new."""

    page = param.Integer(0, bounds=(0, len(PAGES) - 1), doc="number of the page in PAGES")
    run = param.String("", doc="run that is looked at")
    interval = param.Integer(-1, doc="clustering that is looked at, -1 = the last")
    cluster = param.Integer(CHOOSE, doc="cluster that is open, -1 = none, CHOOSE = the page chooses")
    tile = param.Integer(-1, doc="tile that is marked, -1 = none")
    slide = param.Integer(-1, doc="slide on the slide page, -1 = that of the marked tile, or the first")
    visits = param.Integer(0, doc="grows when somebody asks to see the marked tile on its slide")
    selection = param.Integer(-1, doc="decision that kept the selection that is shown, -1 = none")
    map_window = param.List([], doc="part of the map in sight, [x, y, zoom], [] = all")
    slide_window = param.List([], doc="part of the slide in sight, [x, y, width, height], slide width = 1, [] = all")
    help = param.Integer(0, doc="grows when somebody asks for the keys")
    author = param.String("", doc="who decides")
    dark = param.Boolean(False, doc="whether the page is dark")

    cohort = param.Parameter((), doc="fingerprint of slides and rejected files")
    stream = param.Parameter(None, doc="fingerprint of the streaming ingest, None when there is none")
    run_names = param.List([], doc="all runs")
    run_states = param.Dict({}, doc="run to its state")
    current = param.Parameter(None, doc="the run's row, tessera.runs.control.Run")
    shown = param.Parameter(("", -1, ()), doc="(run, interval, maps) that are looked at; interval -1 = no clusters yet")
    names_version = param.Integer(0, doc="grows with every decision")
    activities = param.List([], doc="work that is going on, tessera.workspace.activity.Activity")
    failures = param.List([], doc="work that failed, newest first, tessera.workspace.activity.Activity")
    exports = param.Parameter((), doc="fingerprint of the list of exports")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.workspace = Workspace.create(default_root())
        self.poll()
        self.param.watch(lambda *_: self.poll(), ["run", "interval"])
        self.param.watch(self._run_left, "run")

    def _run_left(self, event: Any) -> None:
        """Nothing of another run's clusters, selections and map holds for this one."""
        if event.old and self.run != event.old:
            self.param.update(cluster=CHOOSE, selection=-1, map_window=[])

    def poll(self) -> None:
        """Read the ledger and publish what changed."""
        self.publish(self.read())

    def publish(self, found: dict[str, Any]) -> None:
        """Set the parameters that differ from what was found, all at once."""
        changed = {name: value for name, value in found.items() if getattr(self, name) != value}
        if changed:
            self.param.update(**changed)

    def read(self) -> dict[str, Any]:
        """What the ledger says now; touches no parameter, so a thread may call it."""
        all_runs = list_runs(self.workspace)
        names = [run.name for run in all_runs]
        chosen = self.run if self.run in names else (names[-1] if names else "")
        current = next((run for run in all_runs if run.name == chosen), None)
        with self.workspace.ledger.read() as connection:
            cohort = connection.execute("SELECT count(*), max(updated), sum(n_tiles) FROM slide").fetchone()
            rejected = connection.execute("SELECT count(*), max(updated) FROM rejected_file").fetchone()
            exports = connection.execute("SELECT count(*), sum(state = 'running'), sum(n_tiles) FROM export").fetchone()
        mapped = tuple(self.workspace.run_folder(chosen).projections()) if current is not None else ()
        work = activity.recent(self.workspace)
        shown = (chosen, _interval(self.interval, current), mapped)
        if current is not None and shown[1] >= 0:
            _curated(current, shown[1])  # so that the page itself finds it made
        return {
            "run_names": names,
            "run_states": {run.name: run.state for run in all_runs},
            "run": chosen,
            "current": current,
            "cohort": (*cohort, *rejected),
            "stream": archive_facts.fingerprint(self.workspace),
            "exports": tuple(exports),
            "shown": shown,
            "names_version": 0 if current is None else version_of(current),
            "activities": [item for item in work if item.state == "running"],
            "failures": [item for item in work if item.state == "failed"],
        }

    def clustering(self) -> Clustering | None:
        """The clustering that is looked at, as people left it; None when the run has none yet."""
        run, interval, _ = self.shown
        if interval < 0:
            return None
        known: Run | None = self.current
        return _curated(known if known is not None and known.name == run else self._run(run), interval)

    def _run(self, name: str) -> Run | None:
        try:
            return open_run(self.workspace, name)
        except TesseraError:
            return None

    def mapped(self) -> int | None:
        """The map to show: the one of the clustering, else the last there is, which then shows other clusters."""
        _, interval, maps = self.shown
        return interval if interval in maps else (maps[-1] if maps else None)

    def decided(self) -> State:
        """What is decided about the run at present."""
        known: Run | None = self.current
        if known is not None and known.name == self.run:
            return state_by(known)
        return state_of(self.workspace, self.run)

    def names(self) -> dict[int, str]:
        """Names of clusters of the run."""
        return self.decided().names

    def edits(self) -> str:
        """A key of the merges, splits and moves in effect, for the addresses of pictures that depend on them."""
        return f"{zlib.crc32(repr([edit.id for edit in self.decided().edits]).encode()):08x}"

    def who(self) -> str:
        """Who decides: the login; what was typed counts only where nobody logs in."""
        return (access.user_or_none() or "") if access.has_login() else self.author

    def start(self, *words: str) -> bool:
        """Start a command as a process of its own; says so and answers False when this person may only look."""
        try:
            access.require_command(words[0])
        except AccessError as error:
            pn.state.notifications.error(str(error))
            return False
        start_command(self.workspace, *words)
        return True

    def title(self, cluster: int) -> str:
        """Name of a cluster, or its number. For many clusters ask `decided()` once."""
        return self.decided().title(cluster)

    def number(self, cluster: int) -> str:
        """See `tessera.curate.decisions.state.State.number`."""
        return self.decided().number(cluster)


def _curated(run: Run | None, interval: int) -> Clustering | None:
    try:
        return None if run is None else curated_of(run, interval)
    except TesseraError:
        return None


def _interval(wanted: int, run: Run | None) -> int:
    """The clustering to show: the wanted one if it is complete, else the last."""
    if run is None:
        return -1
    return wanted if 0 <= wanted <= run.interval else run.interval
