"""A page of the cohort's slides.

Searched, ordered and cut to what fits on the page by the ledger, so that thousands cost nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

PER_PAGE = 48
ORDERS = {
    "as they came": "state IN ('ingesting', 'empty') DESC, id",
    "name": "name COLLATE NOCASE, id",
    "most tiles": "n_tiles DESC, id",
    "fewest tiles": "n_tiles, id",
    "patient": "patient = '', patient COLLATE NOCASE, name",
    "site": "site = '', site COLLATE NOCASE, name",
    "coarsest": "mpp IS NULL, mpp DESC, id",
    "what needs a look": "reason = '', state = 'done', name",
}
_COLUMNS = (
    "id, name, path, kind, state, reason, width, height, mpp, mpp_source, reader, patient, site, patient_source, "
    "site_source, "
    "stain, stain_source, project, sample_type, step0, grid_rows, grid_columns, first_tile, n_tiles, updated"
)
_SEARCHED = ("name", "patient", "site", "project", "sample_type", "stain", "reason", "state")


@dataclass(frozen=True)
class SlideFacts:
    """One slide of the cohort.

    Attributes:
        row: its columns in the ledger.
        counts: reason to number of grid positions.
        first_tile: number of its first tile, -1 when it has none; the picture of ready-made tiles.
    """

    row: dict[str, Any]
    counts: dict[str, int]
    first_tile: int = -1


@dataclass(frozen=True)
class SlidesPage:
    """What is shown of the cohort.

    Attributes:
        slides: those of this page.
        n: how many were found in all.
        page: number of this page, 0 is the first.
    """

    slides: list[SlideFacts]
    n: int
    page: int

    @property
    def n_pages(self) -> int:
        """How many pages there are."""
        return max(-(-self.n // PER_PAGE), 1)


def read_slides(
    workspace: Workspace, search: str = "", order: str = "as they came", state: str = "", page: int = 0
) -> SlidesPage:
    """A page of slides.

    Args:
        workspace: whose.
        search: words that all must be in a slide's name, patient, site, project, sample type, stain, reason or state.
        order: one of `ORDERS`.
        state: only slides of this state; empty = all.
        page: number of the page, 0 is the first; the last there is if it is larger.
    """
    where, values = _where(search, state)
    with workspace.ledger.read() as connection:
        n = int(connection.execute(f"SELECT count(*) FROM slide WHERE {where}", values).fetchone()[0])
        page = max(0, min(page, -(-n // PER_PAGE) - 1))
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM slide WHERE {where} ORDER BY {ORDERS[order]} LIMIT ? OFFSET ?",
            (*values, PER_PAGE, page * PER_PAGE),
        ).fetchall()
        counts: dict[int, dict[str, int]] = {row["id"]: {} for row in rows}
        marks = ", ".join("?" * len(counts))
        for row in connection.execute(
            f"SELECT slide_id, reason, n FROM grid_count WHERE slide_id IN ({marks}) ORDER BY n DESC", list(counts)
        ):
            counts[row["slide_id"]][row["reason"]] = row["n"]
    slides = [SlideFacts(dict(row), counts[row["id"]], _first_tile(workspace, dict(row))) for row in rows]
    return SlidesPage(slides, n, page)


def without_flags(text: str) -> str:
    """A reason as the page says it: what the command line calls --min-tissue is the setting “min tissue”.

    Args:
        text: as the library wrote it for the command line.
    """
    text = re.sub(r"--set ([a-z_]+)=(\S+)", lambda m: f"setting “{m[1].replace('_', ' ')}” to {m[2]}", text)
    return re.sub(r"--([a-z][a-z-]*)( [A-Z]\b)?", lambda m: f"the setting “{m[1].replace('-', ' ')}”", text)


def _where(search: str, state: str) -> tuple[str, list[str]]:
    parts, values = ["1"], []
    for word in search.split():
        escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        parts.append("(" + " OR ".join(rf"{column} LIKE ? ESCAPE '\'" for column in _SEARCHED) + ")")
        values += [f"%{escaped}%"] * len(_SEARCHED)
    if state:
        parts.append("state = ?")
        values.append(state)
    return " AND ".join(parts), values


def _first_tile(workspace: Workspace, row: dict[str, Any]) -> int:
    if row["kind"] != "tiles" or not row["n_tiles"]:
        return -1
    if row["first_tile"] is not None:
        return int(row["first_tile"])
    return int(np.argmax(TileStore(workspace.tiles_path).index().slide == row["id"]))
