"""Runs: create, start in a process of their own, watch, pause, resume, stop. Talks to workers through the ledger only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tessera import config as configuration
from tessera.config import RunConfig
from tessera.errors import ConfigError, RunError
from tessera.workspace import files
from tessera.workspace.activity import is_alive, recent
from tessera.workspace.background import SAFE_PYTHON, safe_environment
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
WANTS = ("run", "pause", "stop")


@dataclass(frozen=True)
class Run:
    """A run as the ledger knows it.

    Attributes:
        id: row in the ledger.
        name: as its folder is called.
        config: its settings.
        digest: hash of the settings.
        state: queued, running, paused, stopped, finished or failed.
        want: run, pause or stop: what it has been asked for.
        alive: whether its worker process is there.
        created: seconds since 1970.
        started: of the worker's last start, None before.
        finished: None while it goes on.
        n_tiles: tiles that it knows.
        store_version: version of the tile store that it reads.
        interval: number of the last complete clustering, -1 before the first; a finished run has `config.epochs`.
        phase: what it is doing, in a word.
        progress: of the phase, 0-1.
        rate: tiles a second.
        message: why it failed, or empty.
    """

    id: int
    name: str
    config: RunConfig
    digest: str
    state: str
    want: str
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


@dataclass(frozen=True)
class Metric:
    """One measured figure; `step` counts training batches over the whole run."""

    name: str
    interval: int
    step: int
    value: float
    time: float


@dataclass(frozen=True)
class Event:
    """Something worth saying in words. level: info, advice, warning or error."""

    time: float
    level: str
    text: str


def create(
    workspace: Workspace, config: RunConfig, name: str | None = None, *, tiles: npt.NDArray[np.int64] | None = None
) -> Run:
    """Record a new run on the tiles that are committed now.

    Args:
        workspace: where its tiles are.
        config: its settings.
        name: letters, digits, dot, dash, underscore; None takes run-1, run-2, ...
        tiles: int64, numbers of the tiles to learn from; all if None.

    Raises:
        RunError: no tiles, or the name is taken or cannot be a folder.
        ConfigError: more clusters than the tiles allow.
    """
    from tessera.tiles.store import TileStore

    n_tiles = workspace.n_tiles()
    if n_tiles == 0:
        raise RunError(_no_tiles(workspace))
    if config.source:
        raise ConfigError(f"source={config.source}: `tessera cluster {config.source}` makes such a run")
    learnt = n_tiles if tiles is None else len(tiles)
    check_clusters(config, learnt)
    check_machine(config)
    chosen = free_name(workspace, name, "run-1")
    text = json.dumps(configuration.as_dict(config), indent=2)
    files.write_text(workspace.run_folder(chosen).root / "config.json", text)
    if tiles is not None:
        workspace.run_folder(chosen).save_tiles(tiles)
    with workspace.ledger.write() as connection:
        connection.execute(
            "INSERT INTO run (name, config, digest, state, want, created, n_tiles, store_version)"
            " VALUES (?, ?, ?, 'queued', 'run', ?, ?, ?)",
            (chosen, text, configuration.digest(config), time.time(), n_tiles, TileStore(workspace.tiles_path).version),
        )
        stored = connection.execute("SELECT value FROM meta WHERE key = 'tile_px'").fetchone()
        if stored is not None and config.tile_px > float(stored["value"]):
            connection.execute(
                "INSERT INTO event (run_id, time, level, text) SELECT id, ?, 'info', ? FROM run WHERE name = ?",
                (
                    time.time(),
                    f"tile_px={config.tile_px} is more than the {float(stored['value']):.0f} px that tiles are "
                    "stored with: it costs time and shows no more",
                    chosen,
                ),
            )
    return get(workspace, chosen)


def _no_tiles(workspace: Workspace) -> str:
    if any(work.kind == "ingest" and work.state == "running" for work in recent(workspace)):
        return "there are no tiles yet, but an ingest is at work: its first ones come within a minute or two; see `tessera status`"
    return "there are no tiles yet: add some with `tessera ingest SOURCE`"


def check_clusters(config: RunConfig, n_tiles: int) -> None:
    """Refuse more clusters than tiles allow.

    Raises:
        ConfigError: less than two tiles a cluster.
    """
    if config.clusters * 2 > n_tiles:
        raise ConfigError(f"clusters={config.clusters} is too many for {n_tiles} tiles: choose at most {n_tiles // 2}")


def check_machine(config: RunConfig) -> None:
    """Refuse a file or device that cannot be, before a worker is started for it.

    Raises:
        ConfigError: so it is.
    """
    if config.weights not in ("random", "timm") and not Path(config.weights).is_file():
        raise ConfigError(f"weights={config.weights}: no such file; random and timm need none")
    if not _DEVICE.fullmatch(config.device):
        raise ConfigError(f"device={config.device}: choose auto, cpu, cuda or cuda:N")


def free_name(workspace: Workspace, wanted: str | None, otherwise: str) -> str:
    """A name that no run has.

    Args:
        workspace: where the runs are.
        wanted: the name asked for; None takes `otherwise`, or that with the next free number.
        otherwise: a name, which may end in -1.

    Raises:
        RunError: the wanted name is taken or cannot be a folder.
    """
    taken = {run.name for run in list_runs(workspace)}
    if wanted is None:
        stem = otherwise.removesuffix("-1")
        numbered = (f"{stem}-{i}" for i in range(2, len(taken) + 3))
        return next(name for name in (otherwise, *numbered) if name not in taken)
    if not _NAME.fullmatch(wanted):
        raise RunError(f"{wanted!r} cannot name a run: use letters, digits, dot, dash and underscore")
    if wanted in taken:
        raise RunError(
            f"there is a run {wanted} already: choose another name, or go on with it: `tessera resume {wanted}`"
        )
    return wanted


def record_finished(
    workspace: Workspace,
    name: str,
    of: Run,
    *,
    n_tiles: int,
    store_version: int,
    config: RunConfig | None = None,
    figures: dict[str, float] | None = None,
    event: str = "",
) -> Run:
    """Record a run that is finished from the start, since its one clustering was made from another run's.

    Its files must be durable already.

    Args:
        workspace: where it is.
        name: of the new run.
        of: the run whose settings it has.
        n_tiles: tiles that its clustering speaks of.
        store_version: snapshot of the store that holds them.
        config: its own settings, if they are others.
        figures: of its one clustering.
        event: one line of what it is.
    """
    text = json.dumps(configuration.as_dict(config or of.config), indent=2)
    digest = of.digest if config is None else configuration.digest(config)
    files.write_text(workspace.run_folder(name).root / "config.json", text)
    now = time.time()
    with workspace.ledger.write() as connection:
        row = connection.execute(
            "INSERT INTO run (name, config, digest, state, want, created, started, finished, n_tiles, store_version,"
            " interval) VALUES (?, ?, ?, 'finished', 'run', ?, ?, ?, ?, ?, 0)",
            (name, text, digest, now, now, now, n_tiles, store_version),
        ).lastrowid
        connection.executemany(
            "INSERT INTO metric (run_id, name, interval, step, value, time) VALUES (?, ?, 0, 0, ?, ?)",
            [(row, figure, float(value), now) for figure, value in (figures or {}).items()],
        )
        if event:
            connection.execute(
                "INSERT INTO event (run_id, time, level, text) VALUES (?, ?, 'info', ?)", (row, now, event)
            )
    return get(workspace, name)


def launch(workspace: Workspace, name: str) -> int:
    """Start the run's worker process, which outlives this one.

    Returns:
        Its process number.

    Raises:
        RunError: no such run, or it has a worker already.
    """
    run = get(workspace, name)
    if run.alive:
        raise RunError(f"{name} is running already")
    log = workspace.run_folder(name).log_path
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [*SAFE_PYTHON, "-m", "tessera", "work", name, "--workspace", str(workspace.root), "--verbose"]
    with log.open("ab") as stream:
        worker = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=safe_environment(os.environ),
        )
    claim(workspace, name, worker.pid)
    return worker.pid


def claim(workspace: Workspace, name: str, pid: int) -> None:
    """Record which process works on a run.

    Raises:
        RunError: another one does.
    """
    import psutil

    with workspace.ledger.write() as connection:
        row = connection.execute("SELECT pid, pid_started FROM run WHERE name = ?", (name,)).fetchone()
        if row["pid"] != pid and is_alive(row["pid"], row["pid_started"]):
            raise RunError(f"{name} is running already, as process {row['pid']}")
        try:
            started = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return  # it has ended already and says why in its row
        connection.execute(
            "UPDATE run SET pid = ?, pid_started = ?, started = ?, heartbeat = ?, message = '' WHERE name = ?",
            (pid, started, time.time(), time.time(), name),
        )


def request(workspace: Workspace, name: str, want: str) -> None:
    """Ask a run to run, pause or stop. A run without a living worker is started again, or marked stopped.

    Raises:
        RunError: no such run, it is finished, or there is nothing to pause.
    """
    if want not in WANTS:
        raise RunError(f"a run can be asked to {', '.join(WANTS)}, not {want}")
    run = get(workspace, name)
    if run.state == "finished":
        raise RunError(f"{name} is finished: there is nothing to {'go on with' if want == 'run' else want}")
    if want == "pause" and not run.alive:
        raise RunError(f"{name} is not running: `tessera resume {name}` starts it again")
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET want = ? WHERE name = ?", (want, name))
        if want == "stop" and not run.alive:
            connection.execute("UPDATE run SET state = 'stopped' WHERE name = ?", (name,))
    if want == "run" and not run.alive:
        launch(workspace, name)


def get(workspace: Workspace, name: str) -> Run:
    """One run.

    Raises:
        RunError: there is none of this name.
    """
    for run in list_runs(workspace):
        if run.name == name:
            return run
    raise RunError(f"there is no run {name} in {workspace.root}: `tessera status` lists them")


def list_runs(workspace: Workspace) -> list[Run]:
    """All runs, oldest first. A run whose worker vanished is failed."""
    with workspace.ledger.read() as connection:
        rows = connection.execute("SELECT * FROM run ORDER BY id").fetchall()
    found = []
    for row in rows:
        fields = {name: row[name] for name in Run.__dataclass_fields__ if name not in ("config", "alive")}
        alive = is_alive(row["pid"], row["pid_started"])
        if row["state"] in ("running", "paused") and not alive:
            message = row["message"] or "its process ended without a word; resume goes on from the last save"
            fields |= {"state": "failed", "message": message}
        config = configuration.from_mapping(RunConfig, json.loads(row["config"]))
        found.append(Run(config=config, alive=alive, **fields))
    return found


def metrics(workspace: Workspace, name: str, after_time: float = 0) -> list[Metric]:
    """Figures written after a moment, oldest first.

    Args:
        workspace: where the run is.
        name: of the run.
        after_time: seconds since 1970; 0 gives all.
    """
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT m.name, interval, step, value, time FROM metric AS m WHERE run_id ="
            " (SELECT id FROM run WHERE name = ?) AND time > ? ORDER BY time",
            (name, after_time),
        ).fetchall()
    return [Metric(**dict(row)) for row in rows]


def events(workspace: Workspace, name: str, limit: int = 100) -> list[Event]:
    """The last events of a run, newest first."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT time, level, text FROM event WHERE run_id = (SELECT id FROM run WHERE name = ?)"
            " ORDER BY id DESC LIMIT ?",
            (name, limit),
        ).fetchall()
    return [Event(**dict(row)) for row in rows]


def log_tail(workspace: Workspace, name: str, lines: int = 40) -> str:
    """The end of the worker's log."""
    path = workspace.run_folder(name).log_path
    if not path.is_file():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
