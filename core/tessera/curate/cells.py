"""Text that people typed, made safe for the files it goes into."""

from __future__ import annotations

import re
import unicodedata
from html import escape

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before one that looks like it."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def markdown_cell(text: str) -> str:
    """A cell of a Markdown table: no tags, no bars, no line breaks."""
    return re.sub(r"\s+", " ", escape(text, quote=False)).replace("|", "&#124;").strip()


def slug(text: str) -> str:
    """A name as a safe folder name: ASCII letters, digits, dot, dash and underscore."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_text).strip(".-")[:80] or "unnamed"


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
