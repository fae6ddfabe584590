"""The handle of a run: resolved once where a name comes in, then passed on instead of the name."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tessera.config import RunConfig
from tessera.config.migrate import read_stored
from tessera.errors import ConfigError, RunError
from tessera.workspace.activity import is_alive
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import RunFolder

LIVE_STATES = ("queued", "running", "paused")  # in these a run has, or is about to get, a worker process
_ENDING_S = 120  # a worker that has written its last state needs a moment to end


@dataclass(frozen=True)
class Run:
    """A run as the ledger knew it when it was looked up.

    Two handles are equal when nothing has changed in between, whatever workspace object they were read through.

    Attributes:
        workspace: the workspace it belongs to.
        id: row in the ledger.
        name: name of its folder.
        config_json: its settings, as stored.
        digest: hash of the settings.
        state: queued, running, paused, stopped, finished or failed.
        requested: run, pause or stop: what it has been asked to do.
        alive: whether its worker process exists.
        created: seconds since 1970.
        started: when its worker was last started, None before the first time.
        finished: when it ended, None as long as it goes on.
        n_tiles: tiles that it knows.
        store_version: version of the tile store that it reads.
        interval: number of the last complete clustering, -1 before the first; a finished run has `config.epochs`.
        phase: what it is doing, in a word.
        progress: of the phase, 0-1.
        rate: tiles a second.
        message: why it failed, or empty.
    """

    workspace: Workspace
    id: int
    name: str
    config_json: str
    digest: str
    state: str
    requested: str
    alive: bool
    created: float
    started: float | None
    finished: float | None
    n_tiles: int
    store_version: int
    interval: int
    phase: str
    progress: float
    rate: float
    message: str

    @property
    def config(self) -> RunConfig:
        """Its settings.

        Raises:
            RunError: what is stored is damaged or of a newer version; clusters, names and exports are there all the
                same.
        """
        settings, problem = _config(self.config_json)
        if settings is None:
            raise RunError(f"{self.name}: {problem}")
        return settings

    @property
    def settings(self) -> RunConfig | None:
        """Its settings; None when this version cannot read them."""
        return _config(self.config_json)[0]

    @property
    def problem(self) -> str:
        """Why its settings cannot be read, and what to do; empty when they can."""
        return _config(self.config_json)[1]

    @property
    def epochs(self) -> int:
        """Passes that it makes; those made so far when its settings cannot be read."""
        return max(self.interval, 0) if self.settings is None else self.settings.epochs

    @property
    def folder(self) -> RunFolder:
        """Its files."""
        return self.workspace.run_folder(self.name)

    def refreshed(self) -> Run:
        """The same run as the ledger knows it now.

        Raises:
            RunError: it has been deleted.
        """
        return open_run(self.workspace, self.name)


def open_run(workspace: Workspace, name: str) -> Run:
    """The handle of the run with this name.

    Raises:
        RunError: there is no run of this name.
    """
    found = _runs(workspace, "WHERE name = ?", (name,))
    if not found:
        raise RunError(f"there is no run {name} in {workspace.root}: `tessera status` lists them")
    return found[0]


def list_runs(workspace: Workspace) -> list[Run]:
    """All runs, oldest first. A run whose worker has vanished is failed."""
    return _runs(workspace, "ORDER BY id", ())


def run_names(workspace: Workspace) -> list[str]:
    """Names of all runs, oldest first; looks at no process and reads no settings."""
    with workspace.ledger.read() as connection:
        return [row["name"] for row in connection.execute("SELECT name FROM run ORDER BY id")]


def _runs(workspace: Workspace, which: str, values: Sequence[str]) -> list[Run]:
    with workspace.ledger.read() as connection:
        rows = connection.execute(f"SELECT * FROM run {which}", values).fetchall()
    now = time.time()
    return [_run(workspace, row, now) for row in rows]


def _run(workspace: Workspace, row: sqlite3.Row, now: float) -> Run:
    alive = _may_live(row, now) and is_alive(row["pid"], row["pid_started"])
    state, message = row["state"], row["message"]
    if state in ("running", "paused") and not alive:
        state = "failed"
        message = message or "its process ended unexpectedly; `resume` continues from the last save"
    return Run(
        workspace=workspace,
        id=row["id"],
        name=row["name"],
        config_json=row["config"],
        digest=row["digest"],
        state=state,
        requested=row["want"],
        alive=alive,
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        n_tiles=row["n_tiles"],
        store_version=row["store_version"],
        interval=row["interval"],
        phase=row["phase"],
        progress=row["progress"],
        rate=row["rate"],
        message=message,
    )


def _may_live(row: sqlite3.Row, now: float) -> bool:
    """Whether it is worth asking the system for the process: a workspace may hold thousands of runs that ended."""
    return row["state"] in LIVE_STATES or row["finished"] is None or now - row["finished"] < _ENDING_S


@lru_cache(maxsize=4096)
def _config(text: str) -> tuple[RunConfig | None, str]:
    """Settings as stored, or why they cannot be read; they are frozen, so that every handle may share them."""
    try:
        return read_stored(text), ""
    except ConfigError as error:
        return None, str(error)
