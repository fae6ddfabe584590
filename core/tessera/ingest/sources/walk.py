"""Through folders, once each, whatever lies in them: loops of links, names that are no UTF-8, folders that are shut."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tessera.ingest.sources.kinds import is_system

Problem = tuple[Path, str]


@dataclass(frozen=True)
class Folder:
    """One folder of a search.

    Attributes:
        path: the folder.
        files: (file, its state), in order of name; system files are left out.
        folders: its folders, in order of name.
        problems: entries that cannot be used.
    """

    path: Path
    files: list[tuple[Path, os.stat_result]] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def printable(path: Path) -> str:
    """A path for people and for the ledger: bytes that are no UTF-8 are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_utf8(path: Path) -> bool:
    """Whether a path can be written down."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def walk(root: Path, enter: Callable[[Folder, Path], bool]) -> Iterator[Folder]:
    """Every folder below `root` and `root` itself, depth first, each once by device and inode.

    Args:
        root: where to begin.
        enter: whether to go into a folder of the one that was just given.
    """
    visited: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            state = path.stat()
        except OSError as error:
            yield Folder(path, problems=[(path, f"cannot be read: {error.strerror}")])
            continue
        if (state.st_dev, state.st_ino) in visited:
            continue
        visited.add((state.st_dev, state.st_ino))
        folder = _list(path)
        yield folder
        waiting += [below for below in reversed(folder.folders) if enter(folder, below)]


def _list(path: Path) -> Folder:
    folder = Folder(path)
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        folder.problems.append((path, f"cannot be listed: {error.strerror}; give yourself the right to read it"))
        return folder
    for name in names:
        if is_system(name):
            continue
        entry = path / name
        if not is_utf8(entry):
            folder.problems.append((entry, "its name is not UTF-8: rename it"))
            continue
        try:
            state = entry.stat()
        except OSError as error:
            dangling = entry.is_symlink()
            reason = "is a link to something that is not there" if dangling else f"cannot be read: {error.strerror}"
            folder.problems.append((entry, reason))
            continue
        if stat.S_ISDIR(state.st_mode):
            folder.folders.append(entry)
        elif stat.S_ISREG(state.st_mode):
            folder.files.append((entry, state))
    return folder
