"""What the cohort page shows, read from the ledger in one go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

SHOWN = 60
_TROUBLE = ("failed", "empty", "set_aside", "duplicate")


@dataclass(frozen=True)
class SlideFacts:
    """One slide that has a picture, or is being cut.

    Attributes:
        row: its columns in the ledger.
        counts: reason to number of grid positions.
        first_tile: number of its first tile, -1 when it has none; the picture of ready-made tiles.
    """

    row: dict[str, Any]
    counts: dict[str, int]
    first_tile: int = -1


@dataclass(frozen=True)
class CohortFacts:
    """The whole cohort.

    Attributes:
        n_tiles: tiles in the store.
        tile: size of tiles in words, empty before the first.
        tile_mpp: um per pixel of tiles, 0 before the first.
        coarse: how many slides are coarser than their tiles, and um per pixel of the coarsest.
        states: state to number of slides.
        totals: reason to number of grid positions of all slides.
        slides: the first `SHOWN` slides that have a picture or are being cut.
        n_pictures: how many such slides there are.
        trouble: (name, state, reason) of slides that gave no tiles.
        rejected: (path, reason) of files that are no slides.
    """

    n_tiles: int = 0
    tile: str = ""
    tile_mpp: float = 0
    coarse: tuple[int, float] = (0, 0.0)
    states: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    slides: list[SlideFacts] = field(default_factory=list)
    n_pictures: int = 0
    trouble: list[tuple[str, str, str]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)


def read_cohort(workspace: Workspace) -> CohortFacts:
    """Read everything; at most `SHOWN` slides in full."""
    shown = (
        "state NOT IN ('set_aside', 'duplicate') AND (width IS NOT NULL OR n_tiles > 0 OR state IN ('found', "
        "'ingesting'))"
    )
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            f"SELECT * FROM slide WHERE {shown} ORDER BY state IN ('ingesting', 'empty') DESC, id LIMIT ?", (SHOWN,)
        ).fetchall()
        n_pictures = connection.execute(f"SELECT count(*) FROM slide WHERE {shown}").fetchone()[0]
        states = connection.execute("SELECT state, count(*) AS n FROM slide GROUP BY state ORDER BY n DESC").fetchall()
        totals = connection.execute("SELECT reason, sum(n) AS n FROM grid_count GROUP BY reason").fetchall()
        marks = ", ".join("?" * len(_TROUBLE))
        trouble = connection.execute(
            f"SELECT name, state, reason FROM slide WHERE state IN ({marks}) ORDER BY state = 'duplicate', name",
            _TROUBLE,
        ).fetchall()
        rejected = connection.execute("SELECT path, reason FROM rejected_file ORDER BY path").fetchall()
        coarse = connection.execute(
            "SELECT count(*), coalesce(max(mpp), 0) FROM slide WHERE state = 'done' AND reason != ''"
        ).fetchone()
        meta = {row["key"]: row["value"] for row in connection.execute("SELECT key, value FROM meta")}
        counts: dict[int, dict[str, int]] = {row["id"]: {} for row in rows}
        for row in connection.execute("SELECT slide_id, reason, n FROM grid_count ORDER BY n DESC"):
            counts.get(row["slide_id"], {})[row["reason"]] = row["n"]
    tile = (
        f"{float(meta['tile_px']):g} px at {float(meta['tile_mpp']):g} µm/px"
        if {"tile_px", "tile_mpp"} <= set(meta)
        else ""
    )
    return CohortFacts(
        n_tiles=workspace.n_tiles(),
        tile=tile,
        tile_mpp=float(meta.get("tile_mpp", 0)),
        coarse=tuple(coarse),
        states={row["state"]: row["n"] for row in states},
        totals={row["reason"]: row["n"] for row in totals},
        n_pictures=n_pictures,
        slides=[SlideFacts(dict(row), counts[row["id"]], _first_tile(workspace, dict(row))) for row in rows],
        trouble=[(row["name"], row["state"], row["reason"]) for row in trouble],
        rejected=[(row["path"], row["reason"]) for row in rejected],
    )


def _first_tile(workspace: Workspace, row: dict[str, Any]) -> int:
    if row["kind"] != "tiles" or not row["n_tiles"]:
        return -1
    return int(np.argmax(TileStore(workspace.tiles_path).index().slide == row["id"]))
