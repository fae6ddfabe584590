"""GeoJSON for QuPath.

One gzip file a slide, one `tile` object a tile (reference: QuPath's own source, PathIO and GsonTools).

Rules that peers break: `objectType` stands in properties and is `tile`, so that a hundred thousand objects stay light;
`id` is a UUID that is the same at every export; a class is an object with name and colour; coordinates are those QuPath
shows, from the corner of the bounds where a slide has them; rings are closed.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from tessera.curate.cells import slug
from tessera.curate.export.formats.base import Layout, Row, Writer
from tessera.explore.palette import colour

_NAMESPACE = uuid.UUID("6f1f8f0c-6f0b-4c5e-9a58-6a7f3c1d2b90")  # of Tessera's tiles, for ever

Origins = dict[int, tuple[int, int]]


class QuPath(Writer):
    """Writes tiles in the order of slides; slides that are ready-made tiles have no place in a viewer.

    Args:
        layout: folders and splits of the set.
        origins: row of each slide in the ledger to the level-0 pixel that is (0, 0) in QuPath.
        colours: class name to a cluster whose colour it has.
    """

    needs_pixels = False

    def __init__(self, layout: Layout, origins: Origins, colours: dict[str, int]) -> None:
        super().__init__(layout)
        self._origins = origins
        self._classes = {name: _classification(name, colours[name]) for name in layout.classes}
        self._stream: TextIO | None = None
        self._files = ExitStack()
        self._slide, self._name, self._first = -1, "", True
        self._taken: set[str] = set()
        layout.folder.mkdir(exist_ok=True)

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:  # noqa: ARG002 - needs no pixels
        """Write one feature a tile; rows come slide by slide."""
        for row in rows:
            if row["slide_id"] != self._slide:
                self._begin(row)
            assert self._stream is not None
            feature = json.dumps(self._feature(row), ensure_ascii=False, separators=(",", ":"))
            self._stream.write(("" if self._first else ",\n") + feature)
            self._first, row["file"] = False, self._name

    def close(self) -> None:
        """Finish the last file."""
        if self._stream is not None:
            self._stream.write("\n]}\n")
            self._stream = None
        self._files.close()

    def front_matter(self) -> str:
        """None."""
        return ""

    def _begin(self, row: Row) -> None:
        self.close()
        base = slug(row["slide"])
        name = base if base.lower() not in self._taken else f"{base}-{row['slide_id']}"
        self._taken.add(name.lower())
        self._slide, self._name, self._first = row["slide_id"], f"{name}.geojson.gz", True
        self._stream = _open_gzip(self._layout.folder / self._name, self._files)
        self._stream.write('{"type":"FeatureCollection","features":[\n')

    def _feature(self, row: Row) -> dict[str, Any]:
        dx, dy = self._origins[row["slide_id"]]
        x, y, side = row["x0"] - dx, row["y0"] - dy, row["side0"]
        ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
        measurements: dict[str, float | int] = {"Cluster id": row["cluster"]}
        if math.isfinite(row["distance"]):
            measurements["Cluster distance"] = round(row["distance"], 4)
        key = f"{row['slide_key']}/{row['x0']}/{row['y0']}/{side}"
        metadata = {"run_id": row["run"], "epoch": str(row["interval"]), "tile_id": str(row["tile"])}
        return {
            "type": "Feature",
            "id": str(uuid.uuid5(_NAMESPACE, key)),
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {
                "objectType": "tile",
                "name": f"tile {x},{y}",
                "classification": self._classes[row["name"]],
                "measurements": measurements,
                "metadata": metadata | ({"split": row["split"]} if row["split"] else {}),
            },
        }


def class_name(name: str) -> str:
    """A name as QuPath takes it: one line, not blank, and no colon, which would make a derived class of it."""
    return re.sub(r"\s+", " ", name.replace(":", " -")).strip() or "unnamed"


def _classification(name: str, cluster: int) -> dict[str, Any]:
    return {"name": class_name(name), "color": list(bytes.fromhex(colour(cluster)[1:]))}


def _open_gzip(path: Path, files: ExitStack) -> TextIO:
    """A gzip stream for text without time or name in it: the same set gives the same bytes."""
    raw = files.enter_context(path.open("wb"))
    packed = files.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6))
    return files.enter_context(io.TextIOWrapper(packed, encoding="utf-8", newline="\n"))
