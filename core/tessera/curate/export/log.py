"""What the ledger knows of exports, and the hidden folder that one is written in until it is whole."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.workspace.folder import Workspace

logger = logging.getLogger(__name__)

_LOST = "its process ended before it was done; export again"


@dataclass(frozen=True)
class ExportRow:
    """One export as the ledger knows it.

    Attributes:
        path: the folder.
        format: imagefolder or parquet.
        n_tiles: tiles in it, 0 until it is done.
        state: running, done or failed; one whose process is gone is failed.
        message: why it failed, or empty.
        time: of its beginning, seconds since 1970.
    """

    path: str
    format: str
    n_tiles: int
    state: str
    message: str
    time: float


def list_exports(workspace: Workspace, limit: int = 20) -> list[ExportRow]:
    """The last exports, newest first."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT path, format, n_tiles, state, message, time FROM export ORDER BY id DESC LIMIT ?", (limit,)
        ).fetchall()
    found = []
    for row in rows:
        lost = row["state"] == "running" and not _is_being_written(Path(row["path"]))
        found.append(ExportRow(**{**dict(row), **({"state": "failed", "message": _LOST} if lost else {})}))
    return found


def begin(clustering: Clustering, destination: Path, format: str, run_id: int) -> int:
    """Record that an export runs; gives its row."""
    with clustering.workspace.ledger.write() as connection:
        return int(
            connection.execute(
                (
                    "INSERT INTO export (run_id, interval, path, format, n_tiles, state, time) VALUES (?, ?, ?, ?, 0, "
                    "'running', ?)"
                ),
                (run_id, clustering.interval, str(destination), format, time.time()),
            ).lastrowid
            or 0
        )


def done(workspace: Workspace, row: int, n_tiles: int) -> None:
    """Record that an export is whole."""
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE export SET state = 'done', n_tiles = ? WHERE id = ?", (n_tiles, row))


def failed(workspace: Workspace, row: int, error: BaseException) -> None:
    """Record why an export failed; a ledger on the same full disk may not take it, and the error itself goes on."""
    try:
        with workspace.ledger.write() as connection:
            connection.execute(
                "UPDATE export SET state = 'failed', message = ? WHERE id = ?",
                (str(error) or type(error).__name__, row),
            )
    except sqlite3.Error as trouble:
        logger.warning("the failed export could not be recorded: %s", trouble)


@contextmanager
def working_folder(destination: Path) -> Iterator[Path]:
    """An empty hidden folder beside `destination`, to be renamed to it; removed when the block raises.

    A lock on the folder, which the kernel frees with the process, tells a live export from the rest of a killed one.

    Raises:
        TesseraError: the destination exists, or another process is writing it.
        OSError: the folder cannot be made.
    """
    work = _work_path(destination)
    work.mkdir(parents=True, exist_ok=True)
    handle = os.open(work, os.O_RDONLY)
    try:
        if not _lock(handle) or not _is_at(handle, work):
            raise TesseraError(f"another export is writing {destination}: wait for it, or choose another folder")
        if os.path.lexists(destination):
            work.rmdir()
            raise TesseraError(f"{destination} exists already: exports never overwrite, choose a new folder")
        for left in work.iterdir():  # by an export that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield work
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    finally:
        os.close(handle)


def _work_path(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.partial")


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open folder still has this name: another export may have renamed it since."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _is_being_written(destination: Path) -> bool:
    for path in (_work_path(destination), destination):  # it is renamed just before the ledger hears of it
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            if not _lock(handle):
                return True
        finally:
            os.close(handle)
    return False
