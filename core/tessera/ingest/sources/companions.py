"""Files that belong to a slide beside the one that opens it: a MIRAX folder, the pictures of a VMS, a DICOM series."""

from __future__ import annotations

import configparser
import hashlib
from collections.abc import Sequence
from pathlib import Path

_CHUNK_BYTES = 4 * 1024**2
_INDEX = "Slidedat.ini"
_TOO_LONG = 1_000_000  # bytes: no index of a slide is so long


def why_incomplete(path: Path) -> str:
    """What a MIRAX or Hamamatsu VMS slide misses; empty when all is there, or for other formats."""
    suffix = path.suffix.lower()
    if suffix == ".mrxs":
        return _why_mirax(path)
    if suffix in (".vms", ".vmu"):
        missing = [name for name in _named_in(path) if not (path.parent / name).is_file()]
        return f"its picture {missing[0]} is missing beside it: copy the whole folder" if missing else ""
    return ""


def _why_mirax(path: Path) -> str:
    data = path.with_suffix("")
    if not data.is_dir():
        return f"its data folder {data.name}/ with {_INDEX} is missing beside it: copy that folder too"
    if not (data / _INDEX).is_file():
        return f"{_INDEX} is missing in its data folder {data.name}/: copy the whole folder again"
    missing = [name for name in _named_in(data / _INDEX) if not (data / name).is_file()]
    return f"{missing[0]} is missing in its data folder {data.name}/: copy the whole folder again" if missing else ""


def orphaned(folder: Path, names: set[str]) -> str:
    """Why a folder is the data of a MIRAX slide that is not there; empty when it is not.

    Args:
        folder: the folder.
        names: names of the files beside it.
    """
    if not (folder / _INDEX).is_file() or f"{folder.name}.mrxs" in names:
        return ""
    return f"is the data folder of a MIRAX slide, but {folder.name}.mrxs beside it is missing: copy that file too"


def _named_in(index: Path) -> list[str]:
    """Data files that an INI names: values that end like one."""
    try:
        if index.stat().st_size > _TOO_LONG:
            return []
        text = index.read_bytes().decode("utf-8-sig", "replace")
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        parser.read_string(text)
    except (OSError, configparser.Error):
        return []
    endings = (".dat",) if index.name == _INDEX else (".jpg", ".opt", ".ngr")
    values = [str(value).strip() for section in parser.sections() for _, value in parser.items(section) if value]
    return sorted({value for value in values if value.lower().endswith(endings) and "/" not in value})


def parts_of(path: Path, series: Sequence[Path] = ()) -> list[Path]:
    """All files whose bytes are the slide, in a fixed order.

    Args:
        path: the slide.
        series: the files of its DICOM series.
    """
    if series:
        return sorted(series)
    if path.is_dir():
        return [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith(".")]
    if path.suffix.lower() == ".mrxs" and path.with_suffix("").is_dir():
        return [path, *(file for file in sorted(path.with_suffix("").iterdir()) if file.is_file())]
    if path.suffix.lower() in (".vms", ".vmu"):
        return [path, *(path.parent / name for name in _named_in(path) if (path.parent / name).is_file())]
    return [path]


def hash_files(files: Sequence[Path]) -> tuple[str, int]:
    """SHA-256 over the bytes of files one after the other, and their size.

    Raises:
        OSError: one cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    return digest.hexdigest(), size
