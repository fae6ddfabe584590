"""What the cohort page shows, read from the ledger in one go."""

from __future__ import annotations

from dataclasses import dataclass, field

from tessera.workspace.folder import Workspace

SAID = 200  # slides and files that gave no tiles, said one by one
_TROUBLE = ("failed", "empty", "set_aside", "duplicate")


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
        trouble: (name, state, reason) of slides that gave no tiles, at most `SAID`.
        rejected: (path, reason) of files that are no slides, at most `SAID`.
        n_trouble: how many there are of both.
    """

    n_tiles: int = 0
    tile: str = ""
    tile_mpp: float = 0
    coarse: tuple[int, float] = (0, 0.0)
    states: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    trouble: list[tuple[str, str, str]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    n_trouble: int = 0


def read_cohort(workspace: Workspace) -> CohortFacts:
    """Read what is said of all slides together."""
    with workspace.ledger.read() as connection:
        states = connection.execute("SELECT state, count(*) AS n FROM slide GROUP BY state ORDER BY n DESC").fetchall()
        totals = connection.execute("SELECT reason, sum(n) AS n FROM grid_count GROUP BY reason").fetchall()
        marks = ", ".join("?" * len(_TROUBLE))
        trouble = connection.execute(
            (
                f"SELECT name, state, reason FROM slide WHERE state IN ({marks}) ORDER BY state = 'duplicate', name "
                "LIMIT ?"
            ),
            (*_TROUBLE, SAID),
        ).fetchall()
        rejected = connection.execute(
            "SELECT path, reason FROM rejected_file ORDER BY path LIMIT ?", (SAID,)
        ).fetchall()
        n_trouble = connection.execute(
            f"SELECT (SELECT count(*) FROM slide WHERE state IN ({marks})) + (SELECT count(*) FROM rejected_file)",
            _TROUBLE,
        ).fetchone()[0]
        coarse = connection.execute(
            "SELECT count(*), coalesce(max(mpp), 0) FROM slide WHERE state = 'done' AND reason != ''"
        ).fetchone()
        meta = {row["key"]: row["value"] for row in connection.execute("SELECT key, value FROM meta")}
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
        trouble=[(row["name"], row["state"], row["reason"]) for row in trouble],
        rejected=[(row["path"], row["reason"]) for row in rejected],
        n_trouble=n_trouble,
    )
