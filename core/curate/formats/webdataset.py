"""WebDataset: tar files of samples, each a .jpg, a .cls (number of the class) and a .json under one key."""

from __future__ import annotations

import io
import json
import tarfile

import pyarrow as pa

from core.curate.formats.base import Layout, Row
from core.files import write_text


class WebDataset:
    """`split-000000.tar` and on; the same set gives the same bytes.

    Args:
        layout: of the set; without splits all is train.
    """

    extra: tuple[pa.Field, ...] = ()
    needs_pixels = True

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._code = {name: code for code, name in enumerate(layout.classes)}
        self._written = dict.fromkeys(layout.splits, 0)
        self._open: dict[str, tuple[str, tarfile.TarFile]] = {}
        layout.folder.mkdir(exist_ok=True)
        write_text(layout.folder / "classes.json", json.dumps(list(layout.classes), indent=2, ensure_ascii=False))

    def add(self, rows: list[Row], jpegs: list[bytes]) -> None:
        """Write each tile into a shard of its split."""
        for row, jpeg in zip(rows, jpegs, strict=True):
            row["file"], shard = self._shard(row["split"])
            key = f"{row['tile']:010d}"
            about = {name: value for name, value in row.items() if name not in ("file", "split")}
            _add(shard, f"{key}.jpg", jpeg)
            _add(shard, f"{key}.cls", str(self._code[row["name"]]).encode())
            _add(shard, f"{key}.json", json.dumps(about, ensure_ascii=False).encode())
            self._written[row["split"]] += 1
            if self._written[row["split"]] % self._layout.shard_tiles == 0:
                shard.close()
                del self._open[row["split"]]

    def _shard(self, split: str) -> tuple[str, tarfile.TarFile]:
        if split not in self._open:
            name = f"{split or 'train'}-{self._written[split] // self._layout.shard_tiles:06d}.tar"
            # held open over many calls; close() ends it
            self._open[split] = name, tarfile.open(self._layout.folder / name, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        return self._open[split]

    def close(self) -> None:
        """Finish open shards."""
        for _, shard in self._open.values():
            shard.close()

    def front_matter(self) -> str:
        """None."""
        return ""


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    shard.addfile(info, io.BytesIO(data))
