"""Who a slide is: one row for each, found again when it moved, with a name that no other slide has, and its patient."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tessera.config import IngestConfig
from tessera.ingest.barcode import parse_barcode
from tessera.ingest.sources.find import FoundSlide
from tessera.workspace.folder import Workspace

# what decides which tiles of a slide are kept, and how; size and resolution are the workspace's
CUTTING = ("tissue", "min_tissue", "max_white", "min_sharpness", "max_pen", "max_tiles_per_slide", "jpeg_quality")
CORRECTED = "corrected"  # key in the settings of a cut: what was corrected since
RECUT = "#recut"  # ends the path of a row that will take another's place
_DEEPEST = 6  # folders that a name may be told apart by


@dataclass(frozen=True)
class Known:
    """What the ledger has of a slide.

    Attributes:
        id: its row.
        state: of the row.
        name: unique in the workspace.
        sha256: of its bytes, when it was hashed.
        mpp: um per pixel that the user said, or None.
        stain: that the user said, or empty.
        cut_with: settings of its cut as JSON, or empty.
    """

    id: int
    state: str
    name: str
    sha256: str
    mpp: float | None
    stain: str
    cut_with: str


def cutting_of(config: IngestConfig) -> str:
    """The settings that decide which tiles are kept, as JSON for the ledger."""
    return json.dumps({name: getattr(config, name) for name in CUTTING})


def differences(cut_with: str, config: IngestConfig) -> list[str]:
    """Settings that a slide was cut with and that are asked for otherwise; none when the ledger does not know.

    Args:
        cut_with: as the ledger has it.
        config: what is asked for.
    """
    before = json.loads(cut_with) if cut_with else {}
    asked = json.loads(cutting_of(config))
    if CORRECTED in before:
        return [f"its {before[CORRECTED]} was corrected"]
    return [
        f"{name}={asked[name]} (was {before[name]})"
        for name in CUTTING
        if name in before and before[name] != asked[name]
    ]


def unique_names(slides: Sequence[FoundSlide], taken: dict[str, str]) -> list[str]:
    """A name for each slide that no other has; a/x.tif and b/x.tif become a/x and b/x.

    Args:
        slides: found together.
        taken: names of the workspace and the paths that have them.
    """
    names = [slide.name for slide in slides]
    for depth in range(1, _DEEPEST):
        twice = {name for name, n in Counter(names).items() if n > 1}
        clash = [
            name in twice or taken.get(name, str(slide.path)) != str(slide.path)
            for name, slide in zip(names, slides, strict=True)
        ]
        if not any(clash):
            return names
        names = [
            "/".join((*slide.path.parent.parts[-depth:], slide.name)).lstrip("/") if again else name
            for name, slide, again in zip(names, slides, clash, strict=True)
        ]
    used, out = set(taken), []
    for name, slide in zip(names, slides, strict=True):
        number, free = 1, name
        while free in used and taken.get(free) != str(slide.path):
            number += 1
            free = f"{name} ({number})"
        used.add(free)
        out.append(free)
    return out


def taken_names(workspace: Workspace) -> dict[str, str]:
    """Names of the workspace's slides and the paths that have them."""
    with workspace.ledger.read() as connection:
        return {str(row["name"]): str(row["path"]) for row in connection.execute("SELECT name, path FROM slide")}


def find_or_add(workspace: Workspace, slide: FoundSlide, name: str) -> Known:
    """The row of a slide; made when there is none. Older workspaces have the target of a link as path."""
    code = parse_barcode(slide.name)
    with workspace.ledger.write() as connection:
        row = _row(connection, (str(slide.path), str(slide.path.resolve())))
        if row is None:
            connection.execute(
                "INSERT INTO slide (name, path, kind, state, patient, site, sample_type, patient_source, site_source,"
                " updated) VALUES (?, ?, 'slide', 'found', ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    str(slide.path),
                    code.patient,
                    code.site,
                    code.sample_type,
                    "barcode" if code.patient else "",
                    "barcode" if code.site else "",
                    time.time(),
                ),
            )
            row = _row(connection, (str(slide.path),))
    assert row is not None
    return known_of(row)


def moved_here(workspace: Workspace, slide: FoundSlide, sha256: str, new: Known) -> Known | None:
    """The older row of a slide that was moved: same bytes, and its own file is gone. It takes the new path.

    Args:
        workspace: the workspace of the rows.
        slide: as it was found now.
        sha256: of its bytes.
        new: its row, which goes when there is an older one.
    """
    with workspace.ledger.write() as connection:
        rows = connection.execute(
            "SELECT * FROM slide WHERE sha256 = ? AND id != ? AND kind = 'slide' AND state NOT IN ('duplicate', "
            "'replaced')"
            " AND id NOT IN (SELECT slide_id FROM remote_slide WHERE slide_id IS NOT NULL) ORDER BY id",
            (sha256, new.id),
        ).fetchall()
        gone = next((row for row in rows if not Path(row["path"]).exists()), None)
        if gone is None or new.state == "done":
            return None
        connection.execute("DELETE FROM slide WHERE id = ?", (new.id,))
        connection.execute(
            "UPDATE slide SET path = ?, updated = ? WHERE id = ?", (str(slide.path), time.time(), gone["id"])
        )
        return known_of(gone)


def twin_of(workspace: Workspace, sha256: str, own: int, these: Iterable[int]) -> str:
    """Path of another slide with these bytes that has tiles, or will have them; empty when there is none.

    Args:
        workspace: the workspace of the rows.
        sha256: of the bytes.
        own: row that does not count.
        these: rows whose tiles wait to be committed.
    """
    waiting = ",".join(str(int(one)) for one in these) or "-1"
    with workspace.ledger.read() as connection:
        row = connection.execute(
            (
                f"SELECT path FROM slide WHERE sha256 = ? AND id != ? AND (state = 'done' OR id IN ({waiting})) ORDER "
                "BY "
                "id"
            ),
            (sha256, own),
        ).fetchone()
    return "" if row is None else str(row["path"])


def row_for_recut(workspace: Workspace, old: Known) -> int:
    """A row that takes the place of a slide's when its new tiles are committed; until then the old one counts."""
    with workspace.ledger.write() as connection:
        path = connection.execute("SELECT path FROM slide WHERE id = ?", (old.id,)).fetchone()["path"] + RECUT
        connection.execute("DELETE FROM slide WHERE path = ?", (path,))
        connection.execute(
            "INSERT INTO slide (name, path, kind, state, sha256, size_bytes, patient, site, project, sample_type,"
            " patient_source, site_source, mpp, mpp_source, stain, stain_source, updated)"
            " SELECT name, ?, kind, 'ingesting', sha256, size_bytes, patient, site, project, sample_type,"
            " patient_source, site_source, mpp, mpp_source, stain, stain_source, ? FROM slide WHERE id = ?",
            (path, time.time(), old.id),
        )
        return int(connection.execute("SELECT id FROM slide WHERE path = ?", (path,)).fetchone()["id"])


def drop_recuts(workspace: Workspace) -> None:
    """Remove rows of recuts that a kill interrupted: the old rows still count."""
    with workspace.ledger.write() as connection:
        connection.execute("DELETE FROM slide WHERE path LIKE ? AND n_tiles = 0", (f"%{RECUT}",))


def _row(connection: sqlite3.Connection, paths: Sequence[str]) -> sqlite3.Row | None:
    marks = ",".join("?" * len(paths))
    row: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM slide WHERE path IN ({marks}) ORDER BY path = ? DESC", (*paths, paths[0])
    ).fetchone()
    return row


def known_of(row: sqlite3.Row) -> Known:
    """What a row of the slide table says of who a slide is."""
    own = row["mpp_source"] == "user"
    return Known(
        int(row["id"]),
        str(row["state"]),
        str(row["name"]),
        str(row["sha256"] or ""),
        float(row["mpp"]) if own else None,
        str(row["stain"]) if row["stain_source"] == "user" else "",
        str(row["cut_with"]),
    )
