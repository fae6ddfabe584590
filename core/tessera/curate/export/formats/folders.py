"""JPEG files in class folders, plain or as Hugging Face's imagefolder has them."""

from __future__ import annotations

import csv
import json
from typing import Any, TextIO

from tessera.curate.cells import csv_cell
from tessera.curate.export.formats.base import Layout, Row, Writer, tile_file_name


class ImageFolder(Writer):
    """`[split/]class/tile.jpg`, with labels.csv (file,label,group), which `tessera ingest --tiles` reads.

    Args:
        layout: folders and splits of the set.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._folders = layout.folders()
        for split in layout.splits:
            for folder in self._folders.values():
                (layout.folder / split / folder).mkdir(parents=True)
        self._stream: TextIO = (layout.folder / "labels.csv").open("w", newline="", encoding="utf-8")
        self._labels: Any = csv.writer(self._stream)
        self._labels.writerow(["file", "label", "group"])

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Write one file a tile."""
        for row, jpeg in zip(rows, jpegs, strict=True):
            parts = [row["split"], self._folders[row["name"]], tile_file_name(row)]
            row["file"] = "/".join(part for part in parts if part)
            (self._layout.folder / row["file"]).write_bytes(jpeg)
            cells = [row["file"], row["name"], row["patient"] or row["slide"]]
            self._labels.writerow([csv_cell(cell) for cell in cells])

    def close(self) -> None:
        """Finish labels.csv."""
        self._stream.close()


class HuggingFaceFolder(Writer):
    """`data/split/class/tile.jpg` and one metadata.jsonl a split: `datasets.load_dataset("imagefolder", data_dir=...)`.

    Args:
        layout: of the set; without splits all is train.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._folders = layout.folders()
        self._metadata: dict[str, TextIO] = {}
        for split in layout.splits:
            root = layout.folder / "data" / (split or "train")
            for folder in self._folders.values():
                (root / folder).mkdir(parents=True)
            self._metadata[split] = (root / "metadata.jsonl").open("w", encoding="utf-8")

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Write one file and one line a tile."""
        for row, jpeg in zip(rows, jpegs, strict=True):
            name = f"{self._folders[row['name']]}/{tile_file_name(row)}"
            row["file"] = f"data/{row['split'] or 'train'}/{name}"
            (self._layout.folder / row["file"]).write_bytes(jpeg)
            about = {key: row[key] for key in ("tile", "slide", "patient", "x0", "y0", "side0", "mpp", "cluster")}
            line = {"file_name": name, "label": row["name"], **about}
            self._metadata[row["split"]].write(json.dumps(line, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Finish the metadata."""
        for stream in self._metadata.values():
            stream.close()

    def front_matter(self) -> str:
        """Where the splits lie."""
        lines = ["configs:", "- config_name: default", "  drop_labels: true", "  data_files:"]
        for split in self._layout.splits:
            lines += [f"  - split: {split or 'train'}", f"    path: data/{split or 'train'}/**"]
        return "\n".join(lines)
