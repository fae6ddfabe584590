"""Which files of a folder are tiles, and their labels: by labels.csv, or by class folders."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tessera.errors import ConfigError
from tessera.ingest.read_table import read_table
from tessera.ingest.sources.walk import printable, walk

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".jp2", ".j2k", ".jxl"))
_UNREAD_PICTURES = frozenset((".gif", ".svg", ".heic", ".avif", ".psd", ".dcm", ".raw"))
_SPLITS = frozenset("train training val valid validation test testing dev eval holdout".split())  # noqa: SIM905
_LIST = "labels.csv"
_FILE = ("file", "filename", "file_name", "path", "image", "tile")
_LABEL = ("label", "class", "category", "tissue", "target", "y")
_GROUP = ("group", "slide", "slide_id", "wsi", "case")
_MOST_NAME = 1000  # characters: no file system has longer names


class Entry(NamedTuple):
    """One tile to be.

    Attributes:
        file: the image.
        name: relative to the folder: the tile's name for ever.
        label: ground truth, or empty.
        group: stands in for its slide.
    """

    file: Path
    name: str
    label: str
    group: str


@dataclass
class TileList:
    """What a folder holds.

    Attributes:
        entries: the tiles, each file once.
        problems: (file, reason) of what was meant to be a tile and is none.
        ignored: (file, reason) of other files.
        notes: what a person should know of how labels were found.
    """

    entries: list[Entry] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def list_tiles(folder: Path) -> TileList:
    """Find the tiles of a folder. When labels.csv is there, its rows decide and folders never do.

    Args:
        folder: the images.

    Raises:
        ConfigError: labels.csv cannot be read or has no columns file and label.
    """
    found = TileList()
    files = _files(folder, found)
    lists = [name for name in files if name.lower() == _LIST]
    if lists:
        _by_list(folder, files[lists[0]], files, found)
    else:
        _by_folders(folder, files, found)
    return found


def _files(folder: Path, found: TileList) -> dict[str, Path]:
    """Every file below the folder by its name relative to it (slashes, NFC); system files are left out."""
    files: dict[str, Path] = {}
    for below in walk(folder, lambda _, __: True):
        for path, _ in below.files:
            files[unicodedata.normalize("NFC", path.relative_to(folder).as_posix())] = path
        found.problems += [(printable(path.relative_to(folder)), reason) for path, reason in below.problems]
    return files


def _by_list(folder: Path, path: Path, files: dict[str, Path], found: TileList) -> None:
    table = read_table(path)
    file_at, label_at, group_at = table.column(*_FILE), table.column(*_LABEL), table.column(*_GROUP)
    if file_at is None or label_at is None:
        has = ", ".join(table.header)
        raise ConfigError(f"{path} needs the columns file,label and may have group; it has {has}")
    if table.encoding not in ("utf-8", "utf-8-sig"):
        found.notes.append(f"is read as {table.encoding}: save it as UTF-8 if labels look wrong")
    found.problems += [(f"{path.name}, line {line}", reason) for line, reason in table.problems]
    by_case = {name.casefold(): name for name in files}
    seen: dict[str, Entry] = {}
    for row in table.rows:
        written = row[file_at]
        name = _inside(written, folder)
        name = name if name in files else by_case.get(name.casefold(), name)
        if not name or name not in files:
            found.problems.append((written[:_MOST_NAME], "is named in labels.csv but is not in the folder"))
            continue
        entry = Entry(files[name], name, row[label_at], (row[group_at] if group_at is not None else "") or folder.name)
        first = seen.setdefault(name, entry)
        if first is not entry:
            same = first == entry
            found.problems.append(
                (written, "is in labels.csv twice" + ("" if same else f": the first row counts ({first.label})"))
            )
    found.entries = list(seen.values())
    if not table.rows:
        found.problems.append((path.name, "lists no tile: add a row for each, or take the file away to use folders"))


def _inside(written: str, folder: Path) -> str:
    """A file as a person wrote it, relative to the folder with slashes; empty when it lies outside."""
    text = written.replace("\\", "/")
    if not text or len(text) > _MOST_NAME:
        return ""
    plain = os.path.normpath(text)
    for start in (str(folder), str(folder.resolve())):
        if plain.startswith(f"{start}/"):
            plain = plain[len(start) + 1 :]
    if plain.startswith(("/", "..")):
        return ""
    return unicodedata.normalize("NFC", PurePosixPath(plain).as_posix())


def _by_folders(folder: Path, files: dict[str, Path], found: TileList) -> None:
    names = []
    for name, path in sorted(files.items()):
        suffix = path.suffix.lower()
        if suffix in IMAGE_SUFFIXES:
            names.append(name)
        elif suffix in _UNREAD_PICTURES:
            found.ignored.append((name, f"is a picture of a kind that is not read ({suffix[1:]}): save it as PNG"))
    depth = _label_depth(names, found)
    for name in names:
        parts = PurePosixPath(name).parts[:-1]
        found.entries.append(Entry(files[name], name, parts[depth] if len(parts) > depth else "", folder.name))


def _label_depth(names: Iterable[str], found: TileList) -> int:
    """Which folder is the label: the first, or the one below when the first are splits or only hold the others."""
    depth, levels = 0, [PurePosixPath(name).parts[:-1] for name in names]
    while levels and any(len(parts) > depth + 1 for parts in levels):
        first = {parts[depth] for parts in levels if len(parts) > depth}
        splits = {name for name in first if name.casefold() in _SPLITS}
        if splits and splits == first:
            found.notes.append(f"{', '.join(sorted(splits))} are taken for splits: labels are the folders in them")
        elif len(first) > 1 or any(len(parts) <= depth + 1 for parts in levels):
            break
        depth += 1
    return depth
