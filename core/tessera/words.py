"""Small matters of English that several rooms share."""

from __future__ import annotations

from collections.abc import Sized


def counted(n: int | Sized, one: str, many: str = "") -> str:
    """A number with its noun: "1 slide", "1,200 slides".

    Args:
        n: how many, or a collection of them.
        one: the noun in the singular.
        many: its plural; `one` with an s when empty.
    """
    count = n if isinstance(n, int) else len(n)
    return f"{count:,} {one if count == 1 else many or one + 's'}"
