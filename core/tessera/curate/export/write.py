"""Curated tile sets: written under a temporary name, renamed when whole, never over anything that exists.

Every set has manifest.parquet (one row a tile, with a checksum), provenance.json and README.md beside the tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tessera.config import ExportConfig
from tessera.curate.cells import slug
from tessera.curate.curated import curated_clustering
from tessera.curate.export import card, log
from tessera.curate.export.formats.base import MANIFEST, Layout, Row, Writer
from tessera.curate.export.plan import Plan, class_names, make_plan
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.workspace import files
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

__all__ = ["FORMATS", "ExportReport", "export", "slug"]

# format to the order in which its tiles are written
_ORDERS = {
    "imagefolder": "tile",
    "parquet": "tile",
    "webdataset": "shuffled",
    "hf-imagefolder": "tile",
    "hf-parquet": "shuffled",
    "qupath": "slide",
}
FORMATS = tuple(_ORDERS)
_BATCH = 512


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        path: the folder.
        n_tiles: tiles in it.
        classes: name of each class to its number of tiles.
        splits: name of each split to its number of tiles; empty when the set is not divided.
    """

    path: Path
    n_tiles: int
    classes: dict[str, int]
    splits: dict[str, int]


def export(
    workspace: Workspace,
    run: str,
    destination: Path,
    *,
    format: str = "imagefolder",
    clusters: list[int] | str | None = None,
    interval: int | None = None,
    author: str = "",
    config: ExportConfig | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Write a tile set of a clustering as people left it.

    Clusters with the same name become one class; excluded tiles are left out.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        destination: new folder.
        format: imagefolder (one folder a class), parquet (JPEG bytes in the table), webdataset (tar files),
            hf-imagefolder and hf-parquet (for Hugging Face datasets), or qupath (GeoJSON, one file a slide).
        clusters: ids; "all"; None takes those with a name.
        interval: which clustering; the last if None.
        author: who exports.
        config: sample, splits, size of shards, terms of use.
        progress: is told tiles done.

    Raises:
        TesseraError: unknown format, the folder exists, no cluster to export, or the disk is full. A failed export
            leaves nothing behind.
    """
    if format not in FORMATS:
        raise TesseraError(f"--format {format}: choose one of {', '.join(FORMATS)}")
    clustering, settings = curated_clustering(workspace, run, interval), config or ExportConfig()
    plan = make_plan(clustering, class_names(clustering, clusters), settings, _ORDERS[format])
    destination = destination.absolute()
    try:
        with log.working_folder(destination) as work:
            row = log.begin(clustering, destination, format, clustering.of.id)
            try:
                writer, notes = _writer(plan, clustering, format, work, settings.shard_tiles)
                _write(plan, clustering, writer, work, progress or Silent())
                card.describe(
                    clustering,
                    work,
                    plan,
                    format=format,
                    author=author,
                    config=settings,
                    front_matter=writer.front_matter(),
                    notes=notes,
                )
                files.fsync_directory(work)
                work.rename(destination)
            except BaseException as error:
                log.failed(workspace, row, error)
                raise
            files.fsync_directory(destination.parent)
            log.done(workspace, row, len(plan.tiles))
    except OSError as error:
        raise TesseraError(f"the export failed and nothing was written: {error}") from error
    classes = {name: sum(splits.values()) for name, splits in plan.counts.items()}
    return ExportReport(destination, len(plan.tiles), classes, {k: n for k, n in plan.split_counts().items() if k})


def _writer(plan: Plan, clustering: Clustering, format: str, work: Path, shard_tiles: int) -> tuple[Writer, list[str]]:
    """The writer of a format, and what the card must say about it."""
    layout = Layout(work, tuple(plan.counts), plan.split_names(), plan.split_counts(), shard_tiles)
    if format == "qupath":
        return _qupath(plan, clustering, layout)
    from tessera.curate.export.formats import folders, tables, webdataset

    writers: dict[str, Callable[[Layout], Writer]] = {
        "imagefolder": folders.ImageFolder,
        "hf-imagefolder": folders.HuggingFaceFolder,
        "parquet": tables.PlainTable,
        "hf-parquet": tables.HuggingFaceTable,
        "webdataset": webdataset.WebDataset,
    }
    return writers[format](layout), []


def _qupath(plan: Plan, clustering: Clustering, layout: Layout) -> tuple[Writer, list[str]]:
    from tessera.curate.export.formats.qupath import QuPath
    from tessera.slides.bounds import viewer_origin

    used = {slide: plan.slides[slide] for slide in set(clustering.index.slide[plan.tiles].tolist())}
    if loose := [slide.name for slide in used.values() if slide.kind != "slide"]:
        raise TesseraError(f"{loose[0]} consists of ready-made tiles: QuPath needs slides; choose another --format")
    origins = {number: viewer_origin(Path(slide.path), slide.vendor) for number, slide in used.items()}
    notes = [
        f"{used[number].name}: the slide was not there any more, so its bounds are not known; if QuPath shows the "
        "tiles shifted, "
        "export again with the slide in its place."
        for number, origin in origins.items()
        if origin is None
    ]
    colours = {name: min(c for c, own in plan.class_of.items() if own == name) for name in plan.counts}
    return QuPath(layout, {number: origin or (0, 0) for number, origin in origins.items()}, colours), notes


def _write(plan: Plan, clustering: Clustering, writer: Writer, work: Path, progress: Progress) -> None:
    with clustering.workspace.ledger.read() as connection:
        mpp = float(connection.execute("SELECT value FROM meta WHERE key = 'tile_mpp'").fetchone()["value"])
    schema = pa.schema([*MANIFEST, *writer.extra])
    try:
        with pq.ParquetWriter(work / "manifest.parquet", schema) as manifest:
            for start in range(0, len(plan.tiles), _BATCH):
                tiles = plan.tiles[start : start + _BATCH]
                jpegs = clustering.store.batch(tiles) if writer.needs_pixels else []
                rows = [_row(plan, clustering, start + i, mpp) for i in range(len(tiles))]
                for row, jpeg in zip(rows, jpegs, strict=False):
                    row["sha256"] = hashlib.sha256(jpeg).hexdigest()
                writer.add(rows, jpegs)
                manifest.write_table(pa.Table.from_pylist(rows, schema=schema))
                progress.update("writing tiles", start + len(tiles), len(plan.tiles))
    finally:
        writer.close()


def _row(plan: Plan, clustering: Clustering, position: int, mpp: float) -> Row:
    tile = int(plan.tiles[position])
    cluster, slide = int(clustering.labels[tile]), plan.slides[int(clustering.index.slide[tile])]
    return {
        "tile": tile,
        "slide": slide.name,
        "slide_id": slide.id,
        "slide_key": slide.key,
        "patient": slide.patient,
        "site": slide.site,
        "project": slide.project,
        "sample_type": slide.sample_type,
        "x0": int(clustering.index.x0[tile]),
        "y0": int(clustering.index.y0[tile]),
        "side0": int(clustering.index.side0[tile]),
        "mpp": mpp,
        "cluster": cluster,
        "name": plan.class_of[cluster],
        "distance": float(clustering.distances[tile]),
        "run": clustering.run,
        "interval": clustering.interval,
        "split": plan.splits[position],
        "sha256": "",
    }
