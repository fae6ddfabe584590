"""Ready-made tile images: class folders or labels.csv give ground truth, groups stand in for slides."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg

from tessera.config import IngestConfig
from tessera.errors import ConfigError
from tessera.ingest.commit import Committer, FinishedSlide, KillPoint, pass_by, recover
from tessera.ingest.pipeline import fix_tile_spec, single_writer
from tessera.ingest.report import IngestReport
from tessera.slides.reader import fit
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"))


class _Entry(NamedTuple):
    file: Path
    name: str  # relative to the folder: the tile's name for ever
    label: str
    group: str


def ingest_tiles(
    workspace: Workspace, folder: Path, config: IngestConfig, progress: Progress | None = None, at: KillPoint = pass_by
) -> IngestReport:
    """Add the images of a folder as tiles.

    With labels.csv (columns file,label[,group]) its rows decide; else the first folder below `folder` is the label.
    Each group is a slide of kind "tiles"; without groups the folder is one. Images of another size are scaled; JPEGs
    of the right size keep their bytes. Files that are known already are left alone.

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
        entries = _read_labels(folder, report) or _by_folders(folder)
        groups: dict[str, list[_Entry]] = defaultdict(list)
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


def _read_labels(folder: Path, report: IngestReport) -> list[_Entry]:
    path = folder / "labels.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        if not {"file", "label"} <= set(reader.fieldnames or ()):
            raise ConfigError(f"{path} needs the columns file,label and may have group")
        rows = list(reader)
    entries = []
    for row in rows:
        file = folder / row["file"]
        if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
            report.problems.append((row["file"], "is named in labels.csv but is not in the folder"))
        else:
            entries.append(_Entry(file, row["file"], row["label"], row.get("group") or folder.name))
    return entries


def _by_folders(folder: Path) -> list[_Entry]:
    entries = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix.lower() in IMAGE_SUFFIXES:
            name = file.relative_to(folder)
            label = name.parts[0] if len(name.parts) > 1 else ""
            entries.append(_Entry(file, str(name), label, folder.name))
    return entries


def _label_ids(workspace: Workspace, names: set[str]) -> dict[str, int]:
    with workspace.ledger.write() as connection:
        connection.executemany("INSERT OR IGNORE INTO label (name) VALUES (?)", [(name,) for name in sorted(names)])
        return {row["name"]: int(row["id"]) for row in connection.execute("SELECT id, name FROM label")}


def _add_group(
    workspace: Workspace,
    committer: Committer,
    config: IngestConfig,
    path: str,
    entries: list[_Entry],
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
    entries: list[_Entry], first: int, labels: dict[str, int], config: IngestConfig, report: IngestReport
) -> Iterator[tuple[int, int, int, int, str, bytes]]:
    """Rows of the store; x0 counts the group's tiles, so that (slide, x0, y0) names a tile as on a slide."""
    number = first
    for entry in entries:
        try:
            jpeg = _as_jpeg(entry.file, config)
        except (OSError, ValueError) as error:
            report.problems.append((entry.name, f"is no image that can be read: {error}"))
            continue
        yield number * config.tile_px, 0, config.tile_px, labels.get(entry.label, -1), entry.name, jpeg
        number += 1


def _as_jpeg(file: Path, config: IngestConfig) -> bytes:
    data = file.read_bytes()
    if simplejpeg.is_jpeg(data):
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        pixels = simplejpeg.decode_jpeg(data, colorspace="RGB")  # decoding proves that it is whole
        if height == width == config.tile_px:
            return data
    else:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
        if decoded is None:
            raise ValueError("unknown or damaged format")
        pixels = decoded
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = fit(np.ascontiguousarray(pixels[top : top + side, left : left + side]), config.tile_px)
    return bytes(simplejpeg.encode_jpeg(square, quality=config.jpeg_quality, colorspace="RGB", colorsubsampling="420"))
