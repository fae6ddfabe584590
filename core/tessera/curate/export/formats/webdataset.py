"""WebDataset: tar files of samples, each a .jpg, a .cls (number of the class) and a .json under one key."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from tessera.curate.export.formats.base import Layout, Row, Shards, Writer
from tessera.workspace.files import write_text


class WebDataset(Writer):
    """`split-000000.tar` and on; the same set gives the same bytes.

    Args:
        layout: of the set; without splits all is train.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._code = {name: code for code, name in enumerate(layout.classes)}
        self._shards = Shards(layout, lambda split, number, _: f"{split}-{number:06d}.tar", _tar)
        layout.folder.mkdir(exist_ok=True)
        write_text(layout.folder / "classes.json", json.dumps(list(layout.classes), indent=2, ensure_ascii=False))

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Write each tile into a shard of its split."""
        for row, jpeg in zip(rows, jpegs, strict=True):
            row["file"], shard = self._shards.current(row["split"])
            key = f"{row['tile']:010d}"
            about = {name: value for name, value in row.items() if name not in ("file", "split")}
            _add(shard, f"{key}.jpg", jpeg)
            _add(shard, f"{key}.cls", str(self._code[row["name"]]).encode())
            _add(shard, f"{key}.json", json.dumps(about, ensure_ascii=False).encode())
            self._shards.wrote(row["split"], 1)

    def close(self) -> None:
        """Finish open shards."""
        self._shards.close()


def _tar(path: Path) -> tarfile.TarFile:
    return tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # `Shards` closes it


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    shard.addfile(info, io.BytesIO(data))
