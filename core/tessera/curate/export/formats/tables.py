"""Tiles inside Parquet tables: one plain table, or shards whose schema Hugging Face `datasets` understands."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tessera.curate.export.formats.base import Layout, Row, Shards, Writer, tile_file_name

_ABOUT = (
    ("tile", pa.int64()),
    ("slide", pa.string()),
    ("patient", pa.string()),
    ("x0", pa.int32()),
    ("y0", pa.int32()),
    ("side0", pa.int32()),
    ("mpp", pa.float64()),
    ("cluster", pa.int32()),
)


class PlainTable(Writer):
    """JPEG bytes as a column of manifest.parquet.

    Args:
        layout: folders and splits of the set.
    """

    extra: tuple[pa.Field, ...] = (pa.field("jpeg", pa.binary()),)

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        layout.folder.mkdir(exist_ok=True)

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Put the bytes into the rows."""
        for row, jpeg in zip(rows, jpegs, strict=True):
            row["jpeg"], row["file"] = jpeg, ""


class HuggingFaceTable(Writer):
    """`data/split-00000-of-00003.parquet` with features Image and ClassLabel.

    Args:
        layout: of the set; without splits all is train.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._code = {name: code for code, name in enumerate(layout.classes)}
        self._schema = _huggingface_schema(layout.classes)
        self._shards = Shards(
            layout,
            lambda split, number, total: f"data/{split}-{number:05d}-of-{total:05d}.parquet",
            lambda path: pq.ParquetWriter(path, self._schema),
        )
        (layout.folder / "data").mkdir()

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Write the rows of each split to its shards."""
        for split in self._layout.splits:
            pending = [(row, jpeg) for row, jpeg in zip(rows, jpegs, strict=True) if row["split"] == split]
            while pending:
                room = self._shards.room(split)
                self._write(split, pending[:room])
                pending = pending[room:]

    def _write(self, split: str, pairs: list[tuple[Row, bytes]]) -> None:
        name, writer = self._shards.current(split)
        records = []
        for row, jpeg in pairs:
            row["file"] = name
            about = {key: row[key] for key, _ in _ABOUT}
            image = {"bytes": jpeg, "path": tile_file_name(row)}
            records.append({"image": image, "label": self._code[row["name"]], **about})
        writer.write_table(pa.Table.from_pylist(records, schema=self._schema))
        self._shards.wrote(split, len(pairs))

    def close(self) -> None:
        """Finish open shards."""
        self._shards.close()

    def front_matter(self) -> str:
        """Features and where the splits lie."""
        lines = ["dataset_info:", "  features:", "  - name: image", "    dtype: image", "  - name: label", "    dtype:"]
        lines += ["      class_label:", "        names:"]
        lines += [f"          '{code}': {json.dumps(name)}" for name, code in self._code.items()]
        for key, kind in _ABOUT:
            lines += [f"  - name: {key}", f"    dtype: {_dtype(kind)}"]
        lines += ["configs:", "- config_name: default", "  data_files:"]
        for split in self._layout.splits:
            lines += [f"  - split: {split or 'train'}", f"    path: data/{split or 'train'}-*"]
        return "\n".join(lines)


def _huggingface_schema(classes: tuple[str, ...]) -> pa.Schema:
    """Arrow schema with the features that `datasets` reads from its metadata."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": list(classes), "_type": "ClassLabel"},
        **{key: {"dtype": _dtype(kind), "_type": "Value"} for key, kind in _ABOUT},
    }
    schema = pa.schema([("image", image), ("label", pa.int64()), *_ABOUT])
    return schema.with_metadata({b"huggingface": json.dumps({"info": {"features": features}}).encode()})


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64"}.get(str(kind), str(kind))
