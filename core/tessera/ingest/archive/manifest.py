"""Lists of slides as files: the GDC's manifest, and a plain list of URLs with size and md5."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from tessera.config import StreamConfig
from tessera.errors import ConfigError
from tessera.ingest.archive.catalogue import Catalogue, RemoteSlide, limited, sort_out
from tessera.ingest.archive.gdc import data_urls

_GDC_COLUMNS = ("id", "filename", "md5", "size")


class ManifestSource:
    """A GDC manifest: tab-separated id, filename, md5, size and perhaps state.

    Args:
        path: the file.
        config: where the GDC and its mirror are.
    """

    def __init__(self, path: Path, config: StreamConfig) -> None:
        self._path, self._config = path, config

    def describe(self) -> str:
        """The source in words."""
        return f"GDC manifest {self._path.name}"

    def catalogue(self) -> Catalogue:
        """All entries.

        Raises:
            ConfigError: not a manifest.
        """
        entries = []
        for row in _read_table(self._path, _GDC_COLUMNS, "\t"):
            file_id, name = row["id"].strip(), row["filename"].strip()
            urls = data_urls(self._config, file_id, name)
            entries.append(RemoteSlide(file_id, name, int(row["size"]), row["md5"].strip().lower(), urls))
        return limited(sort_out(entries), self._config)


class UrlListSource:
    """A CSV or TSV with the columns url, size and md5, and perhaps name and project.

    Args:
        path: the file.
        config: how many to take.
    """

    def __init__(self, path: Path, config: StreamConfig) -> None:
        self._path, self._config = path, config

    def describe(self) -> str:
        """The source in words."""
        return f"list of URLs {self._path.name}"

    def catalogue(self) -> Catalogue:
        """All entries; the id of one is made from its URL.

        Raises:
            ConfigError: not such a list.
        """
        separator = "\t" if self._path.suffix.lower() == ".tsv" else ","
        entries = []
        for row in _read_table(self._path, ("url", "size", "md5"), separator):
            url = row["url"].strip()
            name = (row.get("name") or "").strip() or PurePosixPath(unquote(urlsplit(url).path)).name
            file_id = "url-" + hashlib.sha256(url.encode()).hexdigest()[:32]
            project = (row.get("project") or "").strip()
            entries.append(RemoteSlide(file_id, name, int(row["size"]), row["md5"].strip().lower(), (url,), project))
        return limited(sort_out(entries), self._config)


def _read_table(path: Path, columns: tuple[str, ...], separator: str) -> list[dict[str, str]]:
    """Rows of a table that must have some columns, a whole number in `size`, and the same length throughout."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    reader = csv.DictReader(text.splitlines(), delimiter=separator)
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(
            f"{path} has no column {', '.join(missing)}: its first line must name {', '.join(columns)}, "
            f"separated by {'tabs' if separator == chr(9) else 'commas'}"
        )
    rows = []
    for number, row in enumerate(reader, 2):
        if None in row or any(row[name] is None for name in columns):
            raise ConfigError(f"{path}, line {number}: has another number of columns than the first line")
        if not row["size"].strip().isdigit():
            raise ConfigError(f"{path}, line {number}: size {row['size']!r} is not a whole number of bytes")
        rows.append(row)
    if not rows:
        raise ConfigError(f"{path} lists no slides")
    return rows
