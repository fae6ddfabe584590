"""What the tests of streaming ingests share: an archive of drawn slides, settings without waits, fingerprints."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from tessera.config import IngestConfig, StreamConfig
from tessera.ingest.archive.coordinator import stream
from tessera.ingest.archive.gdc import GdcSource
from tessera.ingest.report import IngestReport
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import StandIn

SMALL = IngestConfig(mpp=0.5, tile_px=64, commit_tiles=100, threads=2)


def name_of(number: int) -> str:
    return f"TCGA-A{number}-000{number}-01Z-00-DX1.svs"


def fill(archive: StandIn, drawn: list[Path]) -> list[str]:
    """Offer the slides; returns their ids."""
    return [archive.add(name_of(i), path.read_bytes()) for i, path in enumerate(drawn)]


def settings(archive: StandIn, **about: Any) -> StreamConfig:
    largest = max((len(entry.data) for entry in archive.entries.values()), default=1)
    defaults = {
        "gdc_url": archive.url,
        "attempts": 4,
        "rounds": 1,
        "round_wait_s": 0,
        "read_timeout_s": 5,
        "free_floor": 0,
        "slide_budget": 2 * largest + largest // 2,
        "disk_wait_s": 0.05,
        "commit_every_s": 0.2,
    }
    return StreamConfig(**{**defaults, **about})


def source(config: StreamConfig) -> GdcSource:
    return GdcSource(config, ["TCGA"], ["Diagnostic Slide"])


def run(workspace: Workspace, config: StreamConfig, **about: Any) -> IngestReport:
    return stream(workspace, source(config), config, about.pop("ingest", SMALL), **about)


def tile_set(workspace: Workspace) -> set[tuple[str, int, int, int, str]]:
    """Every committed tile by slide, place and bytes; numbers differ with the order in which slides arrive."""
    with workspace.ledger.read() as connection:
        names = {row["id"]: row["name"] for row in connection.execute("SELECT id, name FROM slide")}
    n = workspace.n_tiles()
    rows = TileStore(workspace.tiles_path).rows(np.arange(n), ["slide", "x0", "y0", "side0", "jpeg"]).to_pylist()
    tiles = {
        (names[row["slide"]], row["x0"], row["y0"], row["side0"], hashlib.sha256(row["jpeg"]).hexdigest())
        for row in rows
    }
    assert len(tiles) == n  # none twice
    return tiles


def states(workspace: Workspace) -> dict[str, str]:
    with workspace.ledger.read() as connection:
        return dict(connection.execute("SELECT name, state FROM remote_slide").fetchall())


def reasons(workspace: Workspace) -> dict[str, str]:
    with workspace.ledger.read() as connection:
        return dict(connection.execute("SELECT name, reason FROM remote_slide WHERE reason != ''").fetchall())


def left_over(workspace: Workspace) -> list[str]:
    """Files of slides and shards that are still on disk."""
    return [path.name for path in (workspace.root / "stream").rglob("*") if path.is_file()]
