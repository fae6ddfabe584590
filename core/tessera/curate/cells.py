"""Text that people typed, made safe for the files it goes into."""

from __future__ import annotations

import re
import unicodedata
from html import escape

_LATIN = {"ß": "ss", "µ": "u", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "ł": "l", "Ł": "L", "đ": "d"}
_MOST_BYTES = 200  # of a file name; file systems end at 255, and numbers and suffixes follow
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before one that looks like it."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def markdown_cell(text: str) -> str:
    """A cell of a Markdown table: no tags, no bars, no line breaks."""
    return re.sub(r"\s+", " ", escape(text, quote=False)).replace("|", "&#124;").strip()


def slug(text: str) -> str:
    """A name as a safe folder name: letters and digits, dot, dash and underscore.

    Latin letters lose their accents; those of other scripts stay, so that a class named in Japanese or Cyrillic keeps
    its name.
    """
    kept = [_plain(letter) for letter in unicodedata.normalize("NFC", text)]
    name = re.sub(r"[^\w.-]+", "-", "".join(kept)).strip(".-")[:80]
    return name.encode()[:_MOST_BYTES].decode(errors="ignore") or "unnamed"


def _plain(letter: str) -> str:
    if letter in _LATIN:
        return _LATIN[letter]
    ascii_part = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return ascii_part or (letter if letter.isalnum() else "-")


def distinct_slugs(names: list[str]) -> dict[str, str]:
    """A slug for each name.

    Different names that look alike are told apart by a number, also where capitals do not count.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name not in found:
            base = slug(name)
            tries = (base if i == 1 else f"{base}-{i}" for i in range(1, len(taken) + 2))
            found[name] = next(candidate for candidate in tries if candidate.lower() not in taken)
            taken.add(found[name].lower())
    return found
