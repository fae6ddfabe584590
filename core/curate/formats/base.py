"""What every export format has in common: rows of the manifest, and a writer that takes them batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from core.curate.cells import distinct_slugs, slug

MANIFEST = pa.schema(
    [
        ("tile", pa.int64()), ("file", pa.string()), ("slide", pa.string()), ("x0", pa.int32()), ("y0", pa.int32()),
        ("side0", pa.int32()), ("mpp", pa.float64()), ("cluster", pa.int32()), ("name", pa.string()), ("run", pa.string()),
        ("interval", pa.int32()), ("sha256", pa.string()), ("patient", pa.string()), ("site", pa.string()),
        ("project", pa.string()), ("sample_type", pa.string()), ("split", pa.string()),
    ]
)  # fmt: skip

Row = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """How a set is divided.

    Attributes:
        folder: where to write.
        classes: names of the classes in alphabetical order; a class is told by its position where a number is wanted.
        splits: splits that have tiles, in order; one empty name when the set is not divided.
        counts: split to number of its tiles.
        shard_tiles: tiles in one file, where a file has many.
    """

    folder: Path
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    counts: dict[str, int]
    shard_tiles: int

    def folders(self) -> dict[str, str]:
        """Class name to folder name."""
        return distinct_slugs(list(self.classes))


class Writer(Protocol):
    """Writes tiles in one format.

    Attributes:
        extra: columns that `add` puts into the rows besides `file`.
        needs_pixels: whether `add` must be given the JPEGs.
    """

    extra: tuple[pa.Field, ...]
    needs_pixels: bool

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Write some tiles and set `file` of their rows."""

    def close(self) -> None:
        """Finish what is open."""

    def front_matter(self) -> str:
        """YAML for the head of the dataset card, or nothing."""


def tile_file_name(row: Row) -> str:
    """A name that tells slide, place and number."""
    return f"{slug(row['slide'])}_{row['x0']}_{row['y0']}_{row['tile']}.jpg"
