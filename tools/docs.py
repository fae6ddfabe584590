"""API pages from the docstrings: `make docs` writes build/docs. References to names that do not exist are errors."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TO = ROOT / "build" / "docs"
_REFERENCE = re.compile(r"`(tessera(?:\.[A-Za-z_]\w*)+)`")


def modules() -> list[str]:
    """Every module of the library but the entry points of commands."""
    import tessera

    found = (about.name for about in pkgutil.walk_packages(tessera.__path__, "tessera."))
    return ["tessera", *(name for name in found if not name.endswith("__main__"))]


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one (a field of a class counts)."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            fields = getattr(found, "__annotations__", {})
            if not hasattr(found, part) and part not in fields:
                return False
            found = getattr(found, part, None)
        return True
    return False


def broken() -> Iterator[str]:
    """References in source files to names of the library that do not exist."""
    for path in sorted((ROOT / "core" / "tessera").rglob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in _REFERENCE.findall(line):
                if not exists(name):
                    yield f"{path.relative_to(ROOT)}:{number}: there is no {name}"


def main() -> int:
    """Build the pages; 1 when a reference is broken."""
    import pdoc

    wrong = list(broken())
    for text in wrong:
        print(text)
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc(*modules(), output_directory=TO)
    print(f"{len(modules())} modules in {TO.relative_to(ROOT)}; {len(wrong)} broken references")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
