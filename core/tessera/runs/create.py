"""New runs: their checks, their names and their rows."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tessera import config as configuration
from tessera.config import RunConfig
from tessera.config.migrate import to_store
from tessera.errors import ConfigError, RunError
from tessera.runs.figures import write_event, write_figures
from tessera.runs.rows import Run, open_run, run_names
from tessera.workspace import files
from tessera.workspace.activity import is_alive, recent
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
LAST_ID_KEY = "last_run_id"  # in `meta`: numbers of deleted runs are not given again
_RESERVED = ".reserved-"


def create(
    workspace: Workspace, config: RunConfig, name: str | None = None, *, tiles: npt.NDArray[np.int64] | None = None
) -> Run:
    """Record a new run on the tiles that are committed now.

    The name is chosen, and the folder written, under the ledger's write lock, so that several may be created at once.

    Args:
        workspace: the workspace of its tiles.
        config: its settings.
        name: letters, digits, dot, dash, underscore; None takes run-1, run-2, ...
        tiles: int64, numbers of the tiles to learn from; all if None.

    Raises:
        RunError: there are no tiles, or the name is taken or cannot be the name of a folder.
        ConfigError: more clusters than the tiles allow, or a file or device that does not exist.
    """
    from tessera.tiles.store import TileStore

    n_tiles = workspace.n_tiles()
    if n_tiles == 0:
        raise RunError(_no_tiles(workspace))
    if config.source:
        raise ConfigError(f"source={config.source}: `tessera cluster {config.source}` makes such a run")
    if tiles is None:
        tiles = _present_tiles(workspace)
    check_clusters(config, n_tiles if tiles is None else len(tiles))
    check_machine(config)
    version = TileStore(workspace.tiles_path).version
    with workspace.ledger.write() as connection:
        chosen = _choose(workspace, connection, name, "run-1")
        folder = workspace.run_folder(chosen)
        shutil.rmtree(folder.root, ignore_errors=True)  # of a run that was deleted, or never recorded
        text = _write_config(workspace, chosen, config)
        if tiles is not None:
            folder.save_tiles(tiles)
        about = {"created": time.time(), "n_tiles": n_tiles, "store_version": version, "state": "queued"}
        row = _insert(connection, chosen, text, configuration.digest(config), about)
        stored = connection.execute("SELECT value FROM meta WHERE key = 'tile_px'").fetchone()
        if stored is not None and config.tile_px > float(stored["value"]):
            larger = (
                f"tile_px={config.tile_px} is more than the {float(stored['value']):.0f} px that tiles are stored with"
            )
            write_event(connection, row, "info", f"{larger}: this takes longer and adds no detail")
    return open_run(workspace, chosen)


def _present_tiles(workspace: Workspace) -> npt.NDArray[np.int64] | None:
    """Tiles of slides that were not cut again since; None when that is all."""
    import numpy as np

    from tessera.tiles.store import TileStore

    with workspace.ledger.read() as connection:
        old = [row["id"] for row in connection.execute("SELECT id FROM slide WHERE state = 'replaced'")]
    if not old:
        return None
    slides = TileStore(workspace.tiles_path).index().slide[: workspace.n_tiles()]
    return np.flatnonzero(~np.isin(slides, old)).astype(np.int64)


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

    Its files must be durable already, under a name that `free_name` gave to this process.

    Args:
        workspace: the workspace it belongs to.
        name: name of the new run.
        of: the run whose settings it has.
        n_tiles: tiles that its clustering speaks of.
        store_version: snapshot of the store that holds them.
        config: its own settings, if they are others.
        figures: of its one clustering.
        event: one line of what it is.
    """
    text = _write_config(workspace, name, config or of.config)
    digest = of.digest if config is None else configuration.digest(config)
    now = time.time()
    about = {"created": now, "started": now, "finished": now, "n_tiles": n_tiles, "store_version": store_version}
    with workspace.ledger.write() as connection:
        row = _insert(connection, name, text, digest, {**about, "state": "finished", "interval": 0})
        write_figures(connection, row, figures or {})
        if event:
            write_event(connection, row, "info", event)
    _reservation(workspace, name).unlink(missing_ok=True)
    return open_run(workspace, name)


def free_name(workspace: Workspace, wanted: str | None, otherwise: str) -> str:
    """A name that no run has, kept for this process until `record_finished`, `discard` or its end.

    Args:
        workspace: the workspace of the runs.
        wanted: the name asked for; None takes `otherwise`, or that with the next free number.
        otherwise: a name, which may end in -1.

    Raises:
        RunError: the wanted name is taken or cannot be the name of a folder.
    """
    import psutil

    with workspace.ledger.write() as connection:
        chosen = _choose(workspace, connection, wanted, otherwise)
        shutil.rmtree(workspace.run_folder(chosen).root, ignore_errors=True)  # of a call that was killed
        holder = {"pid": os.getpid(), "pid_started": psutil.Process().create_time()}
        files.write_text(_reservation(workspace, chosen), json.dumps(holder))
    return chosen


def discard(workspace: Workspace, name: str) -> None:
    """Remove what a call left behind that failed after `free_name`; a run that is recorded is not touched."""
    if name not in run_names(workspace):
        shutil.rmtree(workspace.run_folder(name).root, ignore_errors=True)
    _reservation(workspace, name).unlink(missing_ok=True)


def check_clusters(config: RunConfig, n_tiles: int) -> None:
    """Refuse more clusters than tiles allow.

    Raises:
        ConfigError: fewer than two tiles a cluster.
    """
    if config.clustering.clusters * 2 > n_tiles:
        raise ConfigError(
            f"clusters={config.clustering.clusters} is too many for {n_tiles} tiles: choose at most {n_tiles // 2}"
        )


def check_machine(config: RunConfig) -> None:
    """Refuse a file or device that does not exist, before a worker is started for it.

    Raises:
        ConfigError: the weights' file does not exist, or the device is no device.
    """
    weights = config.encoder.weights
    if weights not in ("random", "imagenet", "timm", "published") and not Path(weights).exists():
        raise ConfigError(f"weights={weights}: no such file or folder; imagenet and random need none")
    if not _DEVICE.fullmatch(config.device):
        raise ConfigError(f"device={config.device}: choose auto, cpu, cuda or cuda:N")


def _no_tiles(workspace: Workspace) -> str:
    if any(work.kind == "ingest" and work.state == "running" for work in recent(workspace)):
        return (
            "there are no tiles yet, but an ingest is running: the first ones arrive within a minute or two; "
            "see `tessera status`"
        )
    return "there are no tiles yet: add some with `tessera ingest SOURCE`"


def _choose(workspace: Workspace, connection: sqlite3.Connection, wanted: str | None, otherwise: str) -> str:
    """The wanted name if it may be had, else the first free one; the caller holds the write lock."""
    states = {row["name"]: row for row in connection.execute("SELECT name, state, interval FROM run")}
    taken = states.keys() | reserved_names(workspace)
    if wanted is None:
        stem = otherwise.removesuffix("-1")
        numbered = (f"{stem}-{i}" for i in range(2, len(taken) + 3))
        return next(name for name in (otherwise, *numbered) if name not in taken)
    if not _NAME.fullmatch(wanted):
        raise RunError(f"{wanted!r} cannot name a run: use letters, digits, dot, dash and underscore")
    if wanted in taken:
        raise RunError(_taken(wanted, states.get(wanted)))
    return wanted


def _taken(name: str, row: sqlite3.Row | None) -> str:
    if row is None:
        return f"another command is creating a run {name} already: choose another name"
    if row["state"] == "finished":
        return f"there is a run {name} already: choose another name, or `tessera delete {name}`"
    if row["state"] == "failed" and row["interval"] < 0:
        return (
            f"there is a run {name} already, which failed before its first clustering: `tessera resume {name}` tries "
            "it "
            f"again, `tessera delete {name}` frees its name"
        )
    return f"there is a run {name} already: choose another name, or continue it with `tessera resume {name}`"


def _reservation(workspace: Workspace, name: str) -> Path:
    return workspace.root / "runs" / f"{_RESERVED}{name}"


def reserved_names(workspace: Workspace) -> set[str]:
    """Names that other living processes keep.

    What dead ones kept, and what a call here kept that failed, is free again.
    """
    found = set()
    for path in (workspace.root / "runs").glob(f"{_RESERVED}*"):
        holder = json.loads(path.read_text())
        if holder["pid"] != os.getpid() and is_alive(holder["pid"], holder["pid_started"]):
            found.add(path.name.removeprefix(_RESERVED))
        elif holder["pid"] != os.getpid():
            path.unlink(missing_ok=True)
    return found


def _write_config(workspace: Workspace, name: str, config: RunConfig) -> str:
    text = to_store(config)
    files.write_text(workspace.run_folder(name).root / "config.json", text)
    return text


def _insert(connection: sqlite3.Connection, name: str, text: str, digest: str, about: dict[str, Any]) -> int:
    """Add the row of a run; the keys of `about` are columns."""
    last = connection.execute("SELECT max(id) FROM run").fetchone()[0] or 0
    known = connection.execute("SELECT value FROM meta WHERE key = ?", (LAST_ID_KEY,)).fetchone()
    number = 1 + max(last, int(known[0]) if known else 0)
    values = {"id": number, "name": name, "config": text, "digest": digest, "want": "run", **about}
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    row = connection.execute(f"INSERT INTO run ({columns}) VALUES ({marks})", tuple(values.values())).lastrowid
    return int(row or 0)
