"""Give room back: delete a run, or drop what no run needs any more. What is freed is listed before anything is deleted.

Decisions and the list of exports stay in the ledger when a run is deleted, and its number is never given to another
run. Deleting is a ledger transaction first and files afterwards: a kill in between leaves a folder that `leftovers`
finds.
"""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tessera.errors import RunError
from tessera.runs.create import LAST_ID_KEY, reserved_names
from tessera.runs.rows import Run, list_runs, run_names
from tessera.workspace.folder import Workspace

_SCRATCH = ("points.f16",)  # written anew whenever a run needs it
_TEMPORARY_S = 86_400  # temporary files of this age belong to nobody who still writes


@dataclass(frozen=True)
class Freed:
    """A file or folder that is not needed.

    Attributes:
        path: where it is.
        size_bytes: room that it gives back; files that another run shares give none.
        why: what it is.
    """

    path: Path
    size_bytes: int
    why: str


def files_of(run: Run) -> Freed:
    """What deleting a run gives back."""
    return Freed(run.folder.root, _room(run.folder.root), f"all files of run {run.name}")


def delete(run: Run) -> Freed:
    """Delete a run and its files; tiles, other runs and what was decided stay.

    Raises:
        RunError: it is at work, or another run was made from its features and names it.
    """
    now = run.refreshed()
    if now.alive:
        raise RunError(f"{run.name} is at work: `tessera stop {run.name}` first")
    made_of_it = [
        other.name for other in list_runs(run.workspace) if other.settings and other.settings.source == run.name
    ]
    if made_of_it:
        raise RunError(f"{', '.join(made_of_it)} was clustered from {run.name}: delete that first")
    freed = files_of(now)
    kept = {"name": run.name, "digest": run.digest, "config": json.loads(run.config_json), "deleted": time.time()}
    with run.workspace.ledger.write() as connection:
        last = connection.execute("SELECT max(id) FROM run").fetchone()[0]
        put = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        known = connection.execute("SELECT value FROM meta WHERE key = ?", (LAST_ID_KEY,)).fetchone()
        connection.execute(put, (LAST_ID_KEY, str(max(last, int(known[0]) if known else 0))))
        connection.execute(put, (f"deleted_run:{run.id}", json.dumps(kept)))
        connection.execute("DELETE FROM metric WHERE run_id = ?", (run.id,))
        connection.execute("DELETE FROM event WHERE run_id = ?", (run.id,))
        connection.execute("DELETE FROM run WHERE id = ?", (run.id,))
    shutil.rmtree(run.folder.root, ignore_errors=True)
    return freed


def unneeded(workspace: Workspace) -> list[Freed]:
    """Everything in a workspace's run folders that nothing will read again."""
    found = [item for run in list_runs(workspace) if run.state == "finished" for item in _of_finished(run)]
    return found + list(leftovers(workspace))


def leftovers(workspace: Workspace) -> Iterator[Freed]:
    """What killed processes left: folders of runs that the ledger does not know, and temporary files."""
    folder = workspace.root / "runs"
    known = {*run_names(workspace), *reserved_names(workspace)}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and path.name not in known and _old(path):
            yield Freed(path, _room(path), "files of a run that was deleted, or never recorded")
    for path in sorted(folder.rglob(".*.tmp")):
        if path.is_file() and _old(path):
            yield Freed(path, path.stat().st_size, "a file that was never finished")


def remove(found: Iterable[Freed]) -> int:
    """Remove what was listed; gives the bytes that were freed."""
    total = 0
    for item in found:
        if item.path.is_dir():
            shutil.rmtree(item.path, ignore_errors=True)
        else:
            item.path.unlink(missing_ok=True)
        total += item.size_bytes
    return total


def _of_finished(run: Run) -> Iterator[Freed]:
    """Older checkpoints, once the last one is whole, and scratch files."""
    saved = sorted(run.folder.checkpoint_path.glob("*.pt"))
    if len(saved) > 1 and _is_whole(saved[-1]):
        for path in saved[:-1]:
            yield Freed(path, _room(path), f"an older checkpoint of {run.name}, which is finished")
    for name in _SCRATCH:
        if (run.folder.root / name).is_file():
            yield Freed(
                run.folder.root / name, _room(run.folder.root / name), f"scratch of {run.name}, which is finished"
            )


def _is_whole(checkpoint: Path) -> bool:
    """Whether the checksums within a checkpoint, which is a zip file, are right."""
    try:
        with zipfile.ZipFile(checkpoint) as parts:
            return parts.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def _old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _TEMPORARY_S


def _room(path: Path) -> int:
    """Bytes that go with a file or folder; a file with another name elsewhere stays."""
    every = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(about.st_size for about in (each.stat() for each in every) if about.st_nlink == 1)
