"""What every export format has in common: rows of the manifest, and a writer that takes them batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa

from tessera.curate.cells import distinct_slugs, slug

MANIFEST = pa.schema(
    [
        ("tile", pa.int64()),
        ("file", pa.string()),
        ("slide", pa.string()),
        ("x0", pa.int32()),
        ("y0", pa.int32()),
        ("side0", pa.int32()),
        ("mpp", pa.float64()),
        ("cluster", pa.int32()),
        ("name", pa.string()),
        ("run", pa.string()),
        ("interval", pa.int32()),
        ("sha256", pa.string()),
        ("patient", pa.string()),
        ("site", pa.string()),
        ("project", pa.string()),
        ("sample_type", pa.string()),
        ("split", pa.string()),
    ]
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """How a set is divided.

    Attributes:
        folder: where to write.
        classes: names of the classes in alphabetical order; a class is identified by its position where a number is
            wanted.
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


class Writer:
    """Writes tiles in one format; base of all formats.

    Args:
        layout: folders and splits of the set.

    Attributes:
        extra: columns that `add` puts into the rows besides `file`.
        needs_pixels: whether `add` must be given the JPEGs.
    """

    extra: tuple[pa.Field, ...] = ()
    needs_pixels = True

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Write some tiles and set `file` of their rows."""
        raise NotImplementedError

    def close(self) -> None:
        """Finish what is open; nothing is, unless a format says so."""

    def front_matter(self) -> str:
        """YAML for the head of the dataset card; empty unless a format has any."""
        return ""


class Shard(Protocol):
    """A file that many tiles go into."""

    def close(self) -> None:
        """Finish the file."""


S = TypeVar("S", bound=Shard)


class Shards(Generic[S]):
    """The open shard of each split; a full one is closed, and the next begins with the next tile.

    Args:
        layout: folders and splits of the set.
        name: split, number of the shard and how many the split will have to its path in the folder.
        start: opens a shard.
    """

    def __init__(self, layout: Layout, name: Callable[[str, int, int], str], start: Callable[[Path], S]) -> None:
        self._layout, self._name, self._start = layout, name, start
        self._written = dict.fromkeys(layout.splits, 0)
        self._open: dict[str, tuple[str, S]] = {}

    def room(self, split: str) -> int:
        """Tiles that the present shard still takes."""
        return self._layout.shard_tiles - self._written[split] % self._layout.shard_tiles

    def current(self, split: str) -> tuple[str, S]:
        """Path in the folder and writer of the present shard."""
        if split not in self._open:
            number = self._written[split] // self._layout.shard_tiles
            total = -(-self._layout.counts[split] // self._layout.shard_tiles)
            name = self._name(split or "train", number, total)
            self._open[split] = name, self._start(self._layout.folder / name)
        return self._open[split]

    def wrote(self, split: str, n: int) -> None:
        """Count what was written to the present shard."""
        self._written[split] += n
        if self._written[split] % self._layout.shard_tiles == 0:
            self._open.pop(split)[1].close()

    def close(self) -> None:
        """Finish open shards."""
        for _, shard in self._open.values():
            shard.close()


def tile_file_name(row: Row) -> str:
    """A name that tells slide, place and number."""
    return f"{slug(row['slide'])}_{row['x0']}_{row['y0']}_{row['tile']}.jpg"
