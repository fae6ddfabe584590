"""The tile store: one append-only Lance table; a tile's running number is its row.

Five calls (`append`, `batch`, `scan`, `len`, `version`) plus the index of coordinates, so that another store could take
its place. Appending is two steps, so that a commit is durable (reference/io.md, A.4): fragments are written and
synced (`write`), then committed in one manifest that is synced too (`commit`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lance.fragment import write_fragments

from tessera.errors import StoreError
from tessera.workspace.files import fsync_directory

STORAGE_VERSION = "2.1"
ROWS_PER_FILE = 100_000
SCHEMA = pa.schema(
    [
        ("tile_id", pa.int64()),
        ("slide", pa.int32()),
        ("x0", pa.int32()),
        ("y0", pa.int32()),
        ("side0", pa.int32()),
        ("label", pa.int16()),
        ("name", pa.string()),
        ("jpeg", pa.large_binary()),
    ]
)
INDEX_COLUMNS = ("slide", "x0", "y0", "side0", "label")

Ids = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class TileIndex:
    """Where every tile lies; arrays of one length, row = tile number.

    Attributes:
        slide: int32 (N,), row of the slide in the ledger.
        x0: int32 (N,), left edge in level-0 pixels.
        y0: int32 (N,), upper edge in level-0 pixels.
        side0: int32 (N,), side in level-0 pixels.
        label: int16 (N,), ground-truth label of ready-made tiles, -1 = none.
    """

    slide: npt.NDArray[np.int32]
    x0: npt.NDArray[np.int32]
    y0: npt.NDArray[np.int32]
    side0: npt.NDArray[np.int32]
    label: npt.NDArray[np.int16]

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self.slide)


class TileStore:
    """Reads and appends to the table at `path`. Opens lazily, pickles by path, so workers open it themselves.

    Args:
        path: folder of the Lance table; it need not exist before the first append.
        version: read this snapshot; None reads the newest.
    """

    def __init__(self, path: Path, version: int | None = None) -> None:
        self.path = path
        self._pinned = version
        self._dataset: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open handle."""
        return {"path": self.path, "_pinned": self._pinned, "_dataset": None}

    def __len__(self) -> int:
        """Number of tiles; 0 before the first append."""
        dataset = self._open()
        return 0 if dataset is None else int(dataset.count_rows())

    @property
    def version(self) -> int:
        """Version of the snapshot, for the record of a run; 0 before the first append."""
        dataset = self._open()
        return 0 if dataset is None else int(dataset.version)

    def batch(self, ids: Ids) -> list[bytes]:
        """JPEG bytes of some tiles.

        Args:
            ids: tile numbers, (B,), in any order and with repeats.

        Returns:
            One JPEG per entry of `ids`, in its order.

        Raises:
            StoreError: a number is out of range, or the table cannot be read.
        """
        jpegs: list[bytes] = self.rows(ids, ["jpeg"])["jpeg"].to_pylist()
        return jpegs

    def rows(self, ids: Ids, columns: list[str]) -> pa.Table:
        """Some columns of some tiles, in the order of `ids`."""
        dataset = self._open()
        wanted = np.asarray(ids, dtype=np.int64)
        unique, inverse = np.unique(wanted, return_inverse=True)
        if len(unique) and (dataset is None or unique[0] < 0 or unique[-1] >= len(self)):
            stranger = unique[0] if unique[0] < 0 else unique[-1]
            raise StoreError(f"{self.path} holds {len(self)} tiles; tile {stranger} does not exist")
        if dataset is None:
            return SCHEMA.empty_table().select(columns)
        try:
            table = dataset.take(unique.tolist(), columns=columns)
        except (OSError, ValueError) as error:
            raise StoreError(_lost(self.path, error)) from error
        asked_in_order = len(unique) == len(wanted) and bool(np.array_equal(unique, wanted))
        return table if asked_in_order else table.take(pa.array(inverse))

    def scan(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """All tiles in order, some columns, as Arrow record batches."""
        dataset = self._open()
        if dataset is not None:
            try:
                yield from dataset.scanner(columns=columns, scan_in_order=True).to_batches()
            except (OSError, ValueError) as error:
                raise StoreError(_lost(self.path, error)) from error

    def index(self) -> TileIndex:
        """Coordinates and labels of all tiles, kept in memory (14 bytes a tile) and shared by version."""
        return _read_index(self.path, self.version)

    def append(self, batches: Iterable[pa.RecordBatch]) -> int:
        """Write, sync and commit batches of `SCHEMA` (see `record_batch`).

        Returns:
            Number of tiles in the store afterwards.
        """
        fragments = self.write(batches)
        return self.commit(fragments)

    def write(self, batches: Iterable[pa.RecordBatch]) -> list[str]:
        """First step: write and sync fragments that nobody sees yet.

        Args:
            batches: record batches of `SCHEMA`.

        Returns:
            Fragment descriptions (JSON) for `commit`; empty when there were no rows.

        Raises:
            StoreError: no space, no permission.
        """
        reader = pa.RecordBatchReader.from_batches(SCHEMA, batches)
        try:
            fragments = write_fragments(
                reader,
                str(self.path),
                schema=SCHEMA,
                mode="append" if self.path.exists() else "create",
                data_storage_version=STORAGE_VERSION,
                max_rows_per_file=ROWS_PER_FILE,
            )
            for fragment in fragments:
                for data_file in fragment.files:
                    _fsync_file(self.path / "data" / data_file.path)
        except OSError as error:
            raise StoreError(f"cannot write tiles to {self.path}: {error}") from error
        if fragments:
            fsync_directory(self.path / "data")
        return [json.dumps(fragment.to_json()) for fragment in fragments if fragment.num_rows]

    def commit(self, fragments: list[str]) -> int:
        """Second step: make written fragments part of the table, durably.

        Args:
            fragments: what `write` returned, of one or several writers.

        Returns:
            Number of tiles in the store afterwards.

        Raises:
            StoreError: no space, no permission; the fragments can be committed later.
        """
        if fragments:
            parsed = [lance.FragmentMetadata.from_json(text) for text in fragments]
            self._dataset = None
            dataset = self._open()
            operation: Any
            try:
                if dataset is None:
                    operation = lance.LanceOperation.Overwrite(SCHEMA, parsed)
                    lance.LanceDataset.commit(str(self.path), operation)
                else:
                    operation = lance.LanceOperation.Append(parsed)
                    lance.LanceDataset.commit(str(self.path), operation, read_version=dataset.version)
                _sync_manifest(self.path)
            except OSError as error:
                raise StoreError(f"cannot commit tiles to {self.path}: {error}") from error
            finally:
                self._dataset = None
        return len(self)

    def _open(self) -> Any:
        """The Lance dataset, or None before the first commit; steps back over a manifest that a power cut emptied."""
        if self._dataset is None and _has_manifest(self.path):
            try:
                self._dataset = lance.dataset(str(self.path), version=self._pinned)
            except (OSError, ValueError) as error:
                raise StoreError(f"cannot open the tile store {self.path}: {error}") from error
        return self._dataset


def record_batch(first_id: int, slide: int, rows: Iterable[tuple[int, int, int, int, str, bytes]]) -> pa.RecordBatch:
    """Tiles of one slide as a record batch of `SCHEMA`.

    Args:
        first_id: number of the first tile.
        slide: the slide's row in the ledger.
        rows: (x0, y0, side0, label, name, jpeg) of each tile.
    """
    columns = list(zip(*rows, strict=True)) or [()] * 6
    n = len(columns[0])
    ids = np.arange(first_id, first_id + n)
    arrays = [pa.array(ids), pa.array(np.full(n, slide, np.int32))]
    arrays += [pa.array(column, type=SCHEMA.field(i + 2).type) for i, column in enumerate(columns)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _lost(path: Path, error: Exception) -> str:
    what = str(error).split(", /", 1)[0]  # and not where in its makers' sources
    return (
        f"cannot read tiles from {path} ({what}): if files of the store are missing or damaged, put them back from a "
        "copy, or "
        "ingest again into a new workspace"
    )


@lru_cache(maxsize=4)
def _read_index(path: Path, version: int) -> TileIndex:
    if version == 0:
        empty = pa.RecordBatch.from_pylist([], schema=SCHEMA)
        columns = [empty.column(name).to_numpy() for name in INDEX_COLUMNS]
    else:
        try:
            table = lance.dataset(str(path), version=version).to_table(columns=list(INDEX_COLUMNS))
        except (OSError, ValueError) as error:
            raise StoreError(_lost(path, error)) from error
        columns = [table[name].to_numpy() for name in INDEX_COLUMNS]
    return TileIndex(*columns)


def _has_manifest(path: Path) -> bool:
    """Whether anything was ever committed.

    Zero-byte manifests, the shape that a power cut leaves, are renamed, so that the version before opens.
    """
    whole = False
    for manifest in (path / "_versions").glob("*.manifest"):
        if manifest.stat().st_size == 0:
            manifest.rename(manifest.with_suffix(".empty"))
        else:
            whole = True
    return whole


def _sync_manifest(path: Path) -> None:
    newest = max((path / "_versions").glob("*.manifest"), key=lambda manifest: manifest.stat().st_mtime_ns)
    _fsync_file(newest)
    fsync_directory(path / "_versions")
    fsync_directory(path)


def _fsync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
