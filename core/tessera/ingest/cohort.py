"""The cohort as a table that people read, take away as CSV, correct, and hand back."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tessera.errors import ConfigError
from tessera.ingest.corrections import change, check_mpp, check_stain
from tessera.ingest.identity import CORRECTED
from tessera.ingest.read_table import Table, read_table
from tessera.workspace.folder import Workspace

_KEYS = ("id", "path", "name")
_FIELDS = ("patient", "site", "mpp", "stain")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a cell


@dataclass(frozen=True)
class CohortRow:
    """A slide, or a group of ready-made tiles, as the table shows it.

    Attributes:
        id: its number in the ledger, the same for ever.
        name: unique in the workspace.
        path: of the file, or folder.
        kind: slide or tiles.
        patient: or empty.
        patient_source: user, archive, dicom, barcode, or empty.
        site: or empty.
        site_source: as `patient_source`.
        stain: he, ihc, special, fluorescence, grey, or empty.
        stain_source: user, setting, guess, or empty.
        mpp: um per level-0 pixel, or None.
        mpp_source: where it comes from.
        reader: native, openslide, tifffile, picture, image, or empty.
        state: found, ingesting, done, empty, set_aside, duplicate, failed.
        tiles: in the store.
        dropped: grid positions with tissue that gave no tile.
        why_dropped: the commonest reason of those.
        reason: why it is not done, or a word of caution.
        recut: why it must be cut again, or empty.
    """

    id: int
    name: str
    path: str
    kind: str
    patient: str
    patient_source: str
    site: str
    site_source: str
    stain: str
    stain_source: str
    mpp: float | None
    mpp_source: str
    reader: str
    state: str
    tiles: int
    dropped: int
    why_dropped: str
    reason: str
    recut: str


@dataclass(frozen=True)
class Applied:
    """What a corrected table changed.

    Attributes:
        changed: (slide, field, old, new).
        recut: slides that must be cut again because of it.
    """

    changed: list[tuple[str, str, str, str]] = field(default_factory=list)
    recut: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """A few lines for the terminal."""
        if not self.changed:
            return "nothing changed: the table says what the workspace has"
        lines = [f"{slide}: {what} {old or '-'} -> {new}" for slide, what, old, new in self.changed]
        if self.recut:
            lines.append(f"must be cut again: {', '.join(self.recut)}; `tessera slides --recut` does it")
        return "\n".join(lines)


def read_cohort(workspace: Workspace) -> list[CohortRow]:
    """Every slide of a workspace, in order of name; slides that were cut again stand there once."""
    with workspace.ledger.read() as connection:
        rows = connection.execute("SELECT * FROM slide WHERE state != 'replaced' ORDER BY name, id").fetchall()
        counts: dict[int, dict[str, int]] = {}
        for row in connection.execute("SELECT slide_id, reason, n FROM grid_count WHERE reason != 'kept'"):
            if row["reason"] != "no tissue":
                counts.setdefault(row["slide_id"], {})[row["reason"]] = row["n"]
    return [_row(row, counts.get(row["id"], {})) for row in rows]


def as_csv(rows: list[CohortRow]) -> str:
    """The table as CSV that a spreadsheet opens; cells that it would run as formulas get an apostrophe."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(CohortRow.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in asdict(row).items()})
    return out.getvalue()


def as_text(rows: list[CohortRow]) -> str:
    """The table for a terminal."""
    head = ("id", "name", "patient", "site", "stain", "um/px", "state", "tiles", "dropped", "reason")
    cells = [head, *(_shown(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head) - 1)]
    return "\n".join(
        "  ".join((*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1])).rstrip()
        for line in cells
    )


def apply_table(workspace: Workspace, path: Path) -> Applied:
    """Take patients, sites, resolutions and stains of a table, all or nothing; an empty cell changes nothing.

    Args:
        workspace: whose slides they are.
        path: CSV with id, path or name, and some of patient, site, mpp, stain.

    Raises:
        ConfigError: a column, a slide or a value is wrong; nothing is changed then.
    """
    table = read_table(path)
    columns = {name: at for name in (*_KEYS, *_FIELDS) if (at := table.column(name)) is not None}
    keys = [name for name in _KEYS if name in columns]
    if not keys or not set(columns) & set(_FIELDS):
        raise ConfigError(
            f"{path} needs id, path or name, and some of {', '.join(_FIELDS)}; see `tessera slides --csv`"
        )
    known = read_cohort(workspace)
    wanted = [(_find(known, row, columns, keys, path), _said(row, columns, path)) for row in table.rows]
    _no_contradiction(wanted, path)
    _no_problem(table, path)
    applied = Applied()
    with workspace.ledger.write() as connection:
        for slide, said in wanted:
            before = asdict(slide)
            fresh = {name: new for name, new in said.items() if not _same(before[name], new)}
            for name in change(connection, slide.id, fresh):
                old = "" if before[name] is None else str(before[name])
                applied.changed.append((slide.name, name, old, fresh[name]))
                if name in ("mpp", "stain") and slide.state in ("done", "empty") and slide.name not in applied.recut:
                    applied.recut.append(slide.name)
    return applied


def to_recut(workspace: Workspace) -> list[Path]:
    """Paths of slides corrected after they were cut, and of those that now have the resolution they lacked."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT path, state, cut_with, mpp_source FROM slide WHERE kind = 'slide' AND state IN ('done', 'empty', "
            "'set_aside')"
        ).fetchall()
    return [
        Path(row["path"])
        for row in rows
        if CORRECTED in json.loads(row["cut_with"] or "{}")
        or (row["state"] == "set_aside" and row["mpp_source"] == "user")
    ]


def _row(row: Any, dropped: dict[str, int]) -> CohortRow:
    worst = max(dropped, key=lambda name: dropped[name]) if dropped else ""
    corrected = json.loads(row["cut_with"] or "{}").get(CORRECTED, "")
    return CohortRow(
        id=int(row["id"]),
        name=str(row["name"]),
        path=str(row["path"]),
        kind=str(row["kind"]),
        patient=str(row["patient"]),
        patient_source=str(row["patient_source"]),
        site=str(row["site"]),
        site_source=str(row["site_source"]),
        stain=str(row["stain"]),
        stain_source=str(row["stain_source"]),
        mpp=None if row["mpp"] is None else float(row["mpp"]),
        mpp_source=str(row["mpp_source"] or ""),
        reader=str(row["reader"] or ""),
        state=str(row["state"]),
        tiles=int(row["n_tiles"]),
        dropped=sum(dropped.values()),
        why_dropped=worst,
        reason=str(row["reason"]),
        recut=f"its {corrected} was corrected" if corrected else "",
    )


def _shown(row: CohortRow) -> tuple[str, ...]:
    mpp = "-" if row.mpp is None else f"{row.mpp:.4g} ({row.mpp_source})"
    patient = f"{row.patient} ({row.patient_source})" if row.patient else "-"
    dropped = f"{row.dropped} {row.why_dropped}".strip() if row.dropped else "-"
    reason = "; ".join(word for word in (row.reason, row.recut and f"{row.recut}: --recut") if word)
    words = (row.name, patient, row.site or "-", row.stain or "-", mpp, row.state)
    return (str(row.id), *words, str(row.tiles), dropped, reason)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else "" if value is None else value


def _plain(text: str) -> str:
    """A cell without the apostrophe that `as_csv` gave it."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _find(
    known: list[CohortRow], row: tuple[str, ...], columns: dict[str, int], keys: list[str], path: Path
) -> CohortRow:
    for key in keys:
        text = _plain(row[columns[key]])
        if text:
            found = [slide for slide in known if str(getattr(slide, key)) == text]
            if len(found) == 1:
                return found[0]
            raise ConfigError(f"{path}: no slide has {key} {text!r}; nothing was changed")
    raise ConfigError(f"{path}: a row names no slide; nothing was changed")


def _said(row: tuple[str, ...], columns: dict[str, int], path: Path) -> dict[str, str]:
    said = {name: _plain(row[columns[name]]) for name in _FIELDS if name in columns and row[columns[name]].strip()}
    if "mpp" in said:
        said["mpp"] = repr(check_mpp(said["mpp"], str(path)))
    if "stain" in said:
        said["stain"] = check_stain(said["stain"], str(path))
    return said


def _same(old: Any, new: str) -> bool:
    return float(new) == old if isinstance(old, float) else str(old or "") == new


def _no_contradiction(wanted: list[tuple[CohortRow, dict[str, str]]], path: Path) -> None:
    seen: dict[tuple[int, str], str] = {}
    for slide, said in wanted:
        for name, new in said.items():
            if seen.setdefault((slide.id, name), new) != new:
                raise ConfigError(f"{path}: {slide.name} has two values of {name}; nothing was changed")


def _no_problem(table: Table, path: Path) -> None:
    if table.problems:
        line, reason = table.problems[0]
        raise ConfigError(f"{path}, line {line}: {reason}; nothing was changed")
