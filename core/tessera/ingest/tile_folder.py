"""Ready-made tile images: class folders or labels.csv give ground truth, groups stand in for slides."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tessera.config import IngestConfig
from tessera.errors import ConfigError, SlideError
from tessera.ingest.commit import Committer, FinishedSlide, KillPoint, pass_by, recover
from tessera.ingest.pipeline import fix_tile_spec, single_writer
from tessera.ingest.report import IngestReport
from tessera.ingest.tile_list import Entry, list_tiles
from tessera.slides.child.child import Budget
from tessera.slides.child.children import shared
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

_AT_ONCE = 2  # children that make tiles at the same time
_BATCH = 64  # pictures that a child makes into tiles at a time
_TASK = "tessera.ingest.tile_image:task"


def ingest_tiles(
    workspace: Workspace, folder: Path, config: IngestConfig, progress: Progress | None = None, at: KillPoint = pass_by
) -> IngestReport:
    """Add the images of a folder as tiles.

    With labels.csv (columns file,label[,group]) its rows decide; else the first folder below `folder` is the label, or
    the second where the first are splits (train, val). Each group is a slide of kind "tiles"; without groups the folder
    is one. Images of another size are scaled; JPEGs of the right size keep their bytes. Files that are known already
    are left alone.

    Args:
        workspace: where to.
        folder: the images.
        config: tile size; its mpp is recorded as assumed, since images carry none.
        progress: hears how many files are done.
        at: hears the name of each step; tests kill the process there.

    Raises:
        ConfigError: no such folder, or a labels.csv without the columns.
    """
    began = time.monotonic()
    told = progress or Silent()
    if not folder.is_dir():
        raise ConfigError(f"--tiles {folder}: no such folder")
    report = IngestReport()
    with single_writer(workspace):
        recover(workspace)
        fix_tile_spec(workspace, config)
        found = list_tiles(folder)
        entries = found.entries
        report.problems += found.problems
        report.ignored += found.ignored
        report.notes += [(folder.name, note) for note in found.notes]
        if not entries and not report.problems:
            report.problems.append((str(folder), "holds no pictures that are read"))
        groups: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            groups[entry.group].append(entry)
        labels = _label_ids(workspace, {entry.label for entry in entries if entry.label})
        committer = Committer(workspace, config.commit_tiles, at)
        done = 0
        for group, members in sorted(groups.items()):
            _add_group(workspace, committer, config, f"{folder.resolve()}::{group}", members, labels, report)
            done += len(members)
            told.update("tiles", done, len(entries))
        committer.flush()
        with workspace.ledger.write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO rejected_file VALUES (?, ?, ?)",
                [(str(folder / name), reason, time.time()) for name, reason in report.problems],
            )
    report.seconds = time.monotonic() - began
    return report


def _label_ids(workspace: Workspace, names: set[str]) -> dict[str, int]:
    with workspace.ledger.write() as connection:
        connection.executemany("INSERT OR IGNORE INTO label (name) VALUES (?)", [(name,) for name in sorted(names)])
        return {row["name"]: int(row["id"]) for row in connection.execute("SELECT id, name FROM label")}


def _add_group(
    workspace: Workspace,
    committer: Committer,
    config: IngestConfig,
    path: str,
    entries: list[Entry],
    labels: dict[str, int],
    report: IngestReport,
) -> None:
    group = entries[0].group
    slide_id, known = _find_or_add_group(workspace, path, group)
    fresh = [entry for entry in entries if entry.name not in known]
    report.skipped += bool(known)
    rows = list(_rows(fresh, len(known), labels, config, report))
    if not rows:
        return
    committer.add_rows(record_batch(committer.next_id, slide_id, rows))
    columns = {
        "state": "done",
        "reason": "",
        "reader": "image",
        "mpp": config.mpp,
        "mpp_source": "assumed",
        "step0": float(config.tile_px),
        "side0": float(config.tile_px),
    }
    committer.finish(FinishedSlide(slide_id, columns, None, len(rows)))
    report.slides_done += 1
    report.tiles_added += len(rows)


def _find_or_add_group(workspace: Workspace, path: str, group: str) -> tuple[int, set[str]]:
    """Row of the group, and the names of its tiles that are in the store."""
    with workspace.ledger.write() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO slide (name, path, kind, state, updated) VALUES (?, ?, 'tiles', 'found', ?)",
            (group, path, time.time()),
        )
        row = connection.execute("SELECT id, n_tiles FROM slide WHERE path = ?", (path,)).fetchone()
    if not row["n_tiles"]:
        return int(row["id"]), set()
    store = TileStore(workspace.tiles_path)
    mine = np.flatnonzero(store.index().slide == row["id"])
    return int(row["id"]), set(store.rows(mine, ["name"])["name"].to_pylist())


def _rows(
    entries: list[Entry], first: int, labels: dict[str, int], config: IngestConfig, report: IngestReport
) -> Iterator[tuple[int, int, int, int, str, bytes]]:
    """Rows of the store; x0 counts the group's tiles, so that (slide, x0, y0) names a tile as on a slide."""
    number = first
    batches = [entries[start : start + _BATCH] for start in range(0, len(entries), _BATCH)]
    with ThreadPoolExecutor(_AT_ONCE, "tiles") as pool:
        for batch, made in zip(batches, pool.map(lambda batch: _make(batch, config), batches), strict=True):
            for entry, (jpeg, reason) in zip(batch, made, strict=True):
                if reason:
                    report.problems.append((entry.name, reason))
                    continue
                yield number * config.tile_px, 0, config.tile_px, labels.get(entry.label, -1), entry.name, jpeg
                number += 1


def _make(batch: list[Entry], config: IngestConfig) -> list[tuple[bytes, str]]:
    """(JPEG, why there is none) of each picture, made by a child; one that kills it is found by trying each alone."""
    arguments = {
        "path": str(batch[0].file),
        "files": [str(entry.file) for entry in batch],
        "tile_px": config.tile_px,
        "quality": config.jpeg_quality,
    }
    budget = Budget(seconds=config.slide_seconds, silence=config.slide_silence, memory=config.slide_memory)
    try:
        answer, (jpegs,) = shared().ask(_TASK, arguments, budget)
    except SlideError as error:
        if len(batch) == 1:
            return [(b"", error.reason)]
        return [made for entry in batch for made in _make([entry], config)]
    made, start = [], 0
    for size, reason in zip(answer["sizes"], answer["reasons"], strict=True):
        made.append((jpegs[start : start + size], reason))
        start += size
    return made
