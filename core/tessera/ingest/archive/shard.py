"""All that is kept of one slide in one file, on its way into the store.

An Arrow file: tiles as rows; grid, pictures and columns in its metadata. It is written under a temporary name, synced
and renamed, so a shard that exists is complete and the slide may go.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tessera.errors import StoreError
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.commit import KillPoint, pass_by
from tessera.ingest.cut import CutSlide
from tessera.tiles.store import SCHEMA
from tessera.workspace.files import fsync_directory

SUFFIX = ".shard"
_TILE_COLUMNS = pa.schema([field for field in SCHEMA if field.name not in ("tile_id", "slide")])


@dataclass(frozen=True)
class Shard:
    """One slide that was cut.

    Attributes:
        file_id: the archive's id of the slide.
        columns: columns of the slide table.
        codes: uint8 (rows, columns), `Reason` of every grid position.
        thumbnail: JPEG.
        mask: PNG.
        tiles: rows of the store without tile number and slide.
    """

    file_id: str
    columns: dict[str, Any]
    codes: npt.NDArray[np.uint8]
    thumbnail: bytes
    mask: bytes
    tiles: pa.Table

    def rows(self, first_id: int, slide_id: int) -> pa.RecordBatch:
        """The tiles as rows of the store, numbered from `first_id`."""
        n = self.tiles.num_rows
        arrays = [pa.array(np.arange(first_id, first_id + n)), pa.array(np.full(n, slide_id, np.int32))]
        arrays += [column.combine_chunks() for column in self.tiles.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def shard_path(folder: Path, file_id: str) -> Path:
    """Where the shard of a slide lies."""
    return folder / f"{file_id}{SUFFIX}"


def write_shard(folder: Path, slide: RemoteSlide, sha256: str, cut: CutSlide, at: KillPoint = pass_by) -> int:
    """Write a slide's shard whole or not at all.

    Returns:
        Its size in bytes.

    Raises:
        OSError: no space, no permission; no temporary file is left.
    """
    path = shard_path(folder, slide.file_id)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as stream:
            table = _table(slide, sha256, cut)
            with pa.ipc.new_file(stream, table.schema) as writer:
                writer.write_table(table)
            stream.flush()
            os.fsync(stream.fileno())
        at("shard written")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(folder)
    at("shard named")
    return path.stat().st_size


def read_shard(path: Path) -> Shard:
    """Read a shard whole.

    Raises:
        StoreError: it is damaged.
    """
    try:
        with pa.OSFile(str(path)) as stream:
            table = pa.ipc.open_file(stream).read_all()
        about = table.schema.metadata
        columns = json.loads(about[b"columns"])
        rows, width = json.loads(about[b"shape"])
        codes = np.frombuffer(zlib.decompress(about[b"codes"]), np.uint8).reshape(rows, width)
        file_id = about[b"file_id"].decode()
        return Shard(file_id, columns, codes, about[b"thumbnail"], about[b"mask"], table.replace_schema_metadata())
    except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise StoreError(f"{path} is damaged ({error}): delete it, its slide is then fetched again") from error


def _table(slide: RemoteSlide, sha256: str, cut: CutSlide) -> pa.Table:
    n = len(cut.tiles)
    columns = {**cut.columns, "sha256": sha256, "size_bytes": slide.size_bytes}
    about = {
        "file_id": slide.file_id,
        "columns": json.dumps(columns),
        "shape": json.dumps(cut.codes.shape),
        "codes": zlib.compress(cut.codes.tobytes()),
        "thumbnail": cut.thumbnail,
        "mask": cut.mask,
    }
    data = {
        "x0": [tile.x0 for tile in cut.tiles],
        "y0": [tile.y0 for tile in cut.tiles],
        "side0": [cut.side0] * n,
        "label": [-1] * n,
        "name": [""] * n,
        "jpeg": [tile.jpeg for tile in cut.tiles],
    }
    arrays = [pa.array(data[field.name], type=field.type) for field in _TILE_COLUMNS]
    return pa.Table.from_arrays(arrays, schema=_TILE_COLUMNS.with_metadata(about))
