"""What the cohort page shows of a streaming ingest, read from the ledger in one go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from tessera.ingest.archive import ledger
from tessera.ingest.archive.ledger import UNFINISHED, StateTotal, StreamRow
from tessera.workspace.folder import Workspace


@dataclass(frozen=True)
class StreamFacts:
    """A streaming ingest.

    Attributes:
        row: the ledger's row.
        totals: slides and bytes by state.
        troubles: (state, reason, number, one name).
        fetched: bytes that have come, also of slides under way.
        free_bytes: free space of the workspace's volume.
        left_s: seconds that the rest will take, None when not known.
    """

    row: StreamRow
    totals: dict[str, StateTotal]
    troubles: list[tuple[str, str, int, str]]
    fetched: int
    free_bytes: int
    left_s: float | None

    @property
    def unfinished(self) -> int:
        """Slides that wait or are under way."""
        return sum(total.slides for state, total in self.totals.items() if state in UNFINISHED)


def fingerprint(workspace: Workspace) -> tuple[Any, ...] | None:
    """Changes whenever the page should; None when there is no streaming ingest."""
    row = ledger.read_stream(workspace)
    if row is None:
        return None
    totals = tuple((state, total.slides) for state, total in ledger.totals(workspace).items())
    return row.state, row.want, row.alive, row.message, row.slides_held, row.tiles_kept, round(row.rate), totals


def read_stream(workspace: Workspace) -> StreamFacts | None:
    """Read everything."""
    row = ledger.read_stream(workspace)
    if row is None:
        return None
    totals = ledger.totals(workspace)
    marks = ", ".join("?" * len(UNFINISHED))
    with workspace.ledger.read() as connection:
        under_way, left = connection.execute(
            f"SELECT coalesce(sum(min(bytes_done, size_bytes)), 0), coalesce(sum(size_bytes), 0) FROM remote_slide"
            f" WHERE state IN ({marks})",
            UNFINISHED,
        ).fetchone()
    done = sum(totals[state].bytes for state in ("tiled", "committed") if state in totals)
    rest = left - under_way
    left_s = rest / row.rate if row.rate > 0 and row.alive else None
    return StreamFacts(
        row, totals, ledger.troubles(workspace), done + under_way, shutil.disk_usage(workspace.root).free, left_s
    )
