"""Tables that people write: any encoding, any separator, quoted or not, from Excel or by hand."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from tessera.errors import ConfigError

_MOST_BYTES = 500_000_000
_MOST_CELL = 10_000  # characters: what is longer is no name and no label
_SEPARATORS = ",;\t|"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        header: names of the columns as they were written.
        rows: cells, as many in each row as there are columns.
        encoding: of the file.
        problems: (line, reason) of rows that are not used.
    """

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    encoding: str
    problems: list[tuple[int, str]]

    def column(self, *names: str) -> int | None:
        """Number of the first column with one of these names, in any case; None when there is none."""
        plain = [name.strip().strip("\ufeff").casefold() for name in self.header]
        return next((plain.index(name) for name in names if name in plain), None)


def read_table(path: Path) -> Table:
    """Read a table.

    Raises:
        ConfigError: there is no such file, it is no text, or it is empty.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path} has more than {_MOST_BYTES / 1e6:.0f} MB: split it")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    text, encoding = _decode(data, path)
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise ConfigError(f"{path} is empty: it needs a first line with the names of its columns")
    separator = max(_SEPARATORS, key=first.count) if any(one in first for one in _SEPARATORS) else ","
    return _cells(text, separator, encoding)


def _cells(text: str, separator: str, encoding: str) -> Table:
    reader = csv.reader(io.StringIO(text.replace("\0", "")), delimiter=separator)
    csv.field_size_limit(_MOST_BYTES)
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    problems: list[tuple[int, str]] = []
    nul = "\0" in text
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            own = tuple(unicodedata.normalize("NFC", cell.strip()) for cell in cells)
            if not header:
                header = own
            elif any(len(cell) > _MOST_CELL for cell in own):
                problems.append((reader.line_num, f"has a cell of more than {_MOST_CELL} characters"))
            else:
                rows.append((*own, *[""] * (len(header) - len(own)))[: len(header)])
    except csv.Error as error:
        problems.append((reader.line_num, f"is not a line of a table: {error}"))
    if nul:
        problems.append((0, "the file has NUL characters: they were left out"))
    return Table(header, rows, encoding, problems)


def _decode(data: bytes, path: Path) -> tuple[str, str]:
    """Text and its encoding: by its mark, as UTF-8, as UTF-16 without a mark, or as the likeliest older one."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strict(data, encoding, path), encoding
    try:
        if b"\0" not in data:
            return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    else:
        half = data[1::2].count(0) > len(data) // 4, data[0::2].count(0) > len(data) // 4
        if any(half):
            encoding = "utf-16-le" if half[0] else "utf-16-be"
            return _strict(data, encoding, path), encoding
        try:
            return data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    return _likeliest(data, path)


def _strict(data: bytes, encoding: str, path: Path) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} begins as {encoding} but is not: save it as UTF-8") from error


def _likeliest(data: bytes, path: Path) -> tuple[str, str]:
    """Western text when its letters are Western letters, else what charset-normalizer finds."""
    from charset_normalizer import from_bytes

    try:
        western = data.decode("cp1252")
    except UnicodeDecodeError:
        western = ""
    odd = [one for one in western if ord(one) > 127]
    if odd and all(one.isalpha() or one in "µ°±–—’“”«»ºª²³" for one in odd) and len(odd) * 4 < len(western):
        return western, "cp1252"
    best = from_bytes(data).best()
    if best is None:
        raise ConfigError(f"{path} is in no encoding that can be told: save it as UTF-8")
    return str(best), str(best.encoding)
