"""What people say of slides against their files: resolution, patient, site, stain.

Each goes into the slide's history.
"""

from __future__ import annotations

import fnmatch
import getpass
import json
import sqlite3
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tessera.config.ingest import TISSUE
from tessera.errors import ConfigError
from tessera.ingest.identity import CORRECTED, Known, known_of
from tessera.ingest.read_table import read_table
from tessera.workspace.folder import Workspace

_STAINS = tuple(name for name in TISSUE if name not in ("auto", "all"))
_MPP = (0.01, 50.0)
_DECIDE_TILES = ("mpp", "stain")


@dataclass(frozen=True)
class Corrections:
    """Rows of (name pattern, field to value), in order; later ones win.

    A pattern is a slide's name, file name or path, and may have * and ?.
    """

    rows: tuple[tuple[str, dict[str, str]], ...] = ()

    @classmethod
    def read(cls, mpp_of: Path | None = None, patients: Path | None = None) -> Corrections:
        """Read both lists.

        Args:
            mpp_of: CSV of file,mpp.
            patients: CSV of file,patient and perhaps site.

        Raises:
            ConfigError: a file cannot be read, lacks its columns, or holds a resolution that is none.
        """
        rows: list[tuple[str, dict[str, str]]] = []
        for path, fields in ((mpp_of, ("mpp",)), (patients, ("patient", "site"))):
            if path is None:
                continue
            table = read_table(path)
            key = table.column("file", "name", "slide", "pattern", "filename", "path", "slide_id")
            columns = {field: table.column(field) for field in fields}
            if key is None or columns[fields[0]] is None:
                raise ConfigError(f"{path} needs the columns file,{fields[0]}; it has {', '.join(table.header)}")
            for row in table.rows:
                said = {field: row[at].strip() for field, at in columns.items() if at is not None and row[at].strip()}
                if "mpp" in said:
                    said["mpp"] = repr(check_mpp(said["mpp"], str(path)))
                if row[key].strip() and said:
                    rows.append((row[key].strip(), said))
        return cls(tuple(rows))

    def of(self, path: Path, name: str) -> dict[str, str]:
        """What is said of one slide.

        Args:
            path: of the slide.
            name: as it is shown.
        """
        own = {
            unicodedata.normalize("NFC", text) for text in (name, path.name, path.stem, str(path), name.split("/")[-1])
        }
        said: dict[str, str] = {}
        for pattern, fields in self.rows:
            wanted = unicodedata.normalize("NFC", pattern.replace("\\", "/"))
            if any(text == wanted or fnmatch.fnmatchcase(text, wanted) for text in own) or str(path).endswith(
                f"/{wanted}"
            ):
                said |= fields
        return said


def check_mpp(text: str, where: str) -> float:
    """A resolution that a person wrote, um per pixel; a comma may stand for the point.

    Raises:
        ConfigError: it is none.
    """
    try:
        value = float(text.replace(",", "."))
    except ValueError as error:
        raise ConfigError(f"{where}: mpp {text!r} is not a number (um per pixel)") from error
    if not _MPP[0] <= value <= _MPP[1]:
        raise ConfigError(f"{where}: mpp {text} is not between {_MPP[0]} and {_MPP[1]} um per pixel")
    return value


def check_stain(text: str, where: str) -> str:
    """A stain that a person wrote.

    Raises:
        ConfigError: it is none of those that are known.
    """
    if text.lower() not in _STAINS:
        raise ConfigError(f"{where}: stain {text!r} is none of {', '.join(_STAINS)}")
    return text.lower()


def correct(workspace: Workspace, path: Path, known: Known, corrections: Corrections) -> Known:
    """Write what is said of a slide into its row, and return it as it is then."""
    said = corrections.of(path, known.name)
    if not said:
        return known
    with workspace.ledger.write() as connection:
        change(connection, known.id, said)
        return known_of(connection.execute("SELECT * FROM slide WHERE id = ?", (known.id,)).fetchone())


def change(connection: sqlite3.Connection, slide_id: int, said: Mapping[str, str]) -> list[str]:
    """Write a person's values with source "user", and the old ones into the history.

    Returns the fields that changed.
    """
    row = connection.execute("SELECT * FROM slide WHERE id = ?", (slide_id,)).fetchone()
    changed = []
    for field, new in said.items():
        value: float | str = float(new) if field == "mpp" else new
        if row[field] == value and row[f"{field}_source"] == "user":
            continue
        connection.execute(
            f"UPDATE slide SET {field} = ?, {field}_source = 'user', updated = ? WHERE id = ?",
            (value, time.time(), slide_id),
        )
        old = "" if row[field] is None else str(row[field])
        connection.execute(
            "INSERT INTO slide_change (slide_id, time, author, field, old, new) VALUES (?, ?, ?, ?, ?, ?)",
            (slide_id, time.time(), _author(), field, old, new),
        )
        if old != new:
            changed.append(field)
    _mark_for_cutting(connection, row, [field for field in changed if field in _DECIDE_TILES])
    return changed


def _mark_for_cutting(connection: sqlite3.Connection, row: sqlite3.Row, fields: list[str]) -> None:
    """Keep with a slide that was cut that its tiles no longer fit what is known of it."""
    if fields and row["state"] in ("done", "empty"):
        cut_with = json.loads(row["cut_with"]) if row["cut_with"] else {}
        words = " and ".join({"mpp": "resolution"}.get(field, field) for field in fields)
        connection.execute(
            "UPDATE slide SET cut_with = ? WHERE id = ?", (json.dumps({**cut_with, CORRECTED: words}), row["id"])
        )


def take_header(workspace: Workspace, slide_id: int, header: Mapping[str, str]) -> None:
    """Patient and site as the slide's own header says; a person and an archive know better, a file name does not."""
    with workspace.ledger.write() as connection:
        for field in ("patient", "site"):
            if header.get(field):
                connection.execute(
                    f"UPDATE slide SET {field} = ?, {field}_source = 'dicom'"
                    f" WHERE id = ? AND {field}_source NOT IN ('user', 'archive')",
                    (header[field], slide_id),
                )


def _author() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
