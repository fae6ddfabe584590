"""Curated tile sets: written under a temporary name, renamed when whole, never over anything that exists.

Every set has manifest.parquet (one row a tile, with a checksum), provenance.json and README.md beside the tiles.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

import core
from core import files, runs
from core.curate import export_log
from core.curate.curated import curated_view
from core.curate.decisions import history, names
from core.errors import TesseraError
from core.explore.clusters import slide_names
from core.explore.view import View
from core.progress import Progress, Silent
from core.workspace import Workspace

FORMATS = ("imagefolder", "parquet")
_BATCH = 512
_MANIFEST = pa.schema(
    [
        ("tile", pa.int64()), ("file", pa.string()), ("slide", pa.string()), ("x0", pa.int32()), ("y0", pa.int32()),
        ("side0", pa.int32()), ("mpp", pa.float64()), ("cluster", pa.int32()), ("name", pa.string()), ("run", pa.string()),
        ("interval", pa.int32()), ("sha256", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        path: the folder.
        n_tiles: tiles in it.
        classes: name of each class to its number of tiles.
    """

    path: Path
    n_tiles: int
    classes: dict[str, int]


def export(
    workspace: Workspace, run: str, destination: Path, *, format: str = "imagefolder",
    clusters: list[int] | str | None = None, interval: int | None = None, author: str = "",
    progress: Progress | None = None,
) -> ExportReport:  # fmt: skip
    """Write a tile set.

    Clusters with the same name become one class.

    Args:
        workspace: where the run is.
        run: its name.
        destination: new folder.
        format: imagefolder (one folder a class) or parquet (JPEG bytes in the table).
        clusters: one or more ids; "all"; None takes those with a name.
        interval: which clustering; the last if None.
        author: who exports.
        progress: hears tiles done.

    Raises:
        TesseraError: unknown format, the folder exists, no cluster to export, or the disk is full. A failed export leaves
            nothing behind.
    """
    if format not in FORMATS:
        raise TesseraError(f"--format {format}: choose one of {', '.join(FORMATS)}")
    view = curated_view(workspace, run, interval)
    classes = _classes(view, clusters)
    destination = destination.absolute()
    try:
        with export_log.working_folder(destination) as work:
            row = export_log.begin(view, destination, format, runs.get(workspace, run).id)
            try:
                report = _write(view, work, destination, format, classes, progress or Silent())
                _describe(view, work, report, classes, author=author, format=format)
                files.fsync_directory(work)
                work.rename(destination)
            except BaseException as error:
                export_log.failed(workspace, row, error)
                raise
            files.fsync_directory(destination.parent)
            export_log.done(workspace, row, report.n_tiles)
    except OSError as error:
        raise TesseraError(f"the export failed and was taken back: {error}") from error
    return report


def slug(text: str) -> str:
    """A name as a safe folder name: ASCII letters, digits, dot, dash and underscore."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_text).strip(".-")[:80] or "unnamed"


def _classes(view: View, clusters: list[int] | str | None) -> dict[int, str]:
    """Cluster id to class name of what is exported."""
    named = names(view.workspace, view.run)
    if clusters is None:
        wanted = [cluster for cluster in sorted(named) if cluster in view.ids]
        if not wanted:
            raise TesseraError("no cluster has a name yet: name some in the dashboard, or export --clusters all")
    elif clusters == "all":
        wanted = view.ids.tolist()
    elif isinstance(clusters, str) or not clusters:
        raise TesseraError(f"cannot export clusters {clusters!r}: give their numbers, or all")
    else:
        wanted = list(clusters)
        if unknown := sorted(set(wanted) - set(view.ids.tolist())):
            raise TesseraError(f"{view.run} has no cluster {', '.join(map(str, unknown))} at interval {view.interval}")
    return {cluster: named.get(cluster) or f"cluster-{cluster}" for cluster in wanted}


def _folders(classes: dict[int, str]) -> dict[int, str]:
    """Cluster id to folder name; different names that look alike as folders are told apart by a number."""
    folders: dict[str, str] = {}
    for name in classes.values():
        if name not in folders:
            base = slug(name)
            taken = {folder.lower() for folder in folders.values()}
            tries = (base if i == 1 else f"{base}-{i}" for i in range(1, len(taken) + 2))
            folders[name] = next(candidate for candidate in tries if candidate.lower() not in taken)
    return {cluster: folders[name] for cluster, name in classes.items()}


def _write(
    view: View, work: Path, destination: Path, format: str, classes: dict[int, str], progress: Progress
) -> ExportReport:
    tiles = np.flatnonzero(np.isin(view.labels, list(classes)))
    as_files = format == "imagefolder"
    folders = _folders(classes)
    for folder in set(folders.values()) if as_files else ():
        (work / folder).mkdir()
    schema = _MANIFEST if as_files else _MANIFEST.append(pa.field("jpeg", pa.binary()))
    row_of = _row_maker(view, classes, folders)
    with pq.ParquetWriter(work / "manifest.parquet", schema) as writer:
        for start, part, jpegs in _batches(view, tiles):
            rows = [row_of(int(tile), jpeg) for tile, jpeg in zip(part, jpegs, strict=True)]
            for row, jpeg in zip(rows, jpegs, strict=True):
                if as_files:
                    (work / row["file"]).write_bytes(jpeg)
                else:
                    row["jpeg"], row["file"] = jpeg, ""
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            progress.update("writing tiles", start + len(part), len(tiles))
    counts: dict[str, int] = {}
    for cluster, name in classes.items():
        counts[name] = counts.get(name, 0) + int((view.labels == cluster).sum())
    return ExportReport(destination, len(tiles), counts)


def _batches(view: View, tiles: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int64], list[bytes]]]:
    for start in range(0, len(tiles), _BATCH):
        part = tiles[start : start + _BATCH]
        yield start, part, view.store.batch(part)


def _row_maker(view: View, classes: dict[int, str], folders: dict[int, str]) -> Callable[[int, bytes], dict[str, Any]]:
    slides = slide_names(view)
    with view.workspace.ledger.read() as connection:
        mpp = float(connection.execute("SELECT value FROM meta WHERE key = 'tile_mpp'").fetchone()["value"])

    def row(tile: int, jpeg: bytes) -> dict[str, Any]:
        cluster, slide = int(view.labels[tile]), slides[int(view.index.slide[tile])]
        x0, y0 = int(view.index.x0[tile]), int(view.index.y0[tile])
        return {
            "tile": tile, "file": f"{folders[cluster]}/{slug(slide)}_{x0}_{y0}_{tile}.jpg", "slide": slide, "x0": x0, "y0": y0,
            "side0": int(view.index.side0[tile]), "mpp": mpp, "cluster": cluster, "name": classes[cluster],
            "run": view.run, "interval": view.interval, "sha256": hashlib.sha256(jpeg).hexdigest(),
        }  # fmt: skip

    return row


def _describe(
    view: View, work: Path, report: ExportReport, classes: dict[int, str], *, author: str, format: str
) -> None:
    """provenance.json and README.md."""
    run = runs.get(view.workspace, view.run)
    used = set(view.index.slide[np.isin(view.labels, list(classes))].tolist())
    with view.workspace.ledger.read() as connection:
        rows = connection.execute("SELECT id, name, sha256, mpp, mpp_source FROM slide ORDER BY id").fetchall()
    slides = [dict(row) for row in rows if row["id"] in used]
    provenance = {
        "tool": f"tessera {core.__version__}", "exported": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "author": author, "format": format, "run": view.run, "interval": view.interval, "settings": vars(run.config),
        "settings_digest": run.digest, "n_tiles": report.n_tiles, "classes": report.classes,
        "decisions": [vars(decision) for decision in history(view.workspace, view.run)],
        "slides": [{key: slide[key] for key in slide if key != "id"} for slide in slides],
    }  # fmt: skip
    files.write_text(work / "provenance.json", json.dumps(provenance, indent=2))
    table = "\n".join(f"| {name.replace('|', ' ')} | {n:,} |" for name, n in sorted(report.classes.items()))
    files.write_text(
        work / "README.md",
        f"# Tile set from run {view.run}, interval {view.interval}\n\n{report.n_tiles:,} tiles of pseudo-classes found by "
        f"Tessera {core.__version__} and named by people; see provenance.json and manifest.parquet.\n\n"
        f"| class | tiles |\n| --- | --- |\n{table}\n\n"
        "Terms of use are those of the slides. Pseudo-classes are not diagnoses.\n",
    )
