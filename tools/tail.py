"""How long functions, files and lines are: `make tail`. Long ones are what makes code hard to read, not the middle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = {"core": "core/tessera", "app": "app/tessera_app", "tests": "tests"}
MOST_P90, MOST_FILE, MOST_LINE = 25, 350, 120
SHOWN = 5


def functions(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and place of every function of a file, docstring included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (
                (node.end_lineno or node.lineno) - node.lineno + 1,
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
            )


def percentile(values: list[int], share: float) -> int:
    """The value below which a share of the values lies."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else 0


def describe(name: str, folder: Path) -> list[str]:
    """Print a row of a part, and what is longest in it.

    Returns:
        What misses the aims.
    """
    paths = sorted(folder.rglob("*.py"))
    found = sorted((item for path in paths for item in functions(path)), reverse=True)
    lines = {str(path.relative_to(ROOT)): path.read_text().splitlines() for path in paths}
    files = sorted(((len(text), path) for path, text in lines.items()), reverse=True)
    wide = [f"{path}:{n}" for path, text in lines.items() for n, line in enumerate(text, 1) if len(line) > MOST_LINE]
    lengths, sizes = [length for length, _ in found], [size for size, _ in files]
    p90 = percentile(lengths, 0.9)
    print(
        f"{name:<8}functions p50 {percentile(lengths, 0.5)}, p90 {p90}, longest {lengths[0]}; "
        f"files p50 {percentile(sizes, 0.5)}, p90 {percentile(sizes, 0.9)}, longest {sizes[0]}; lines > {MOST_LINE}: "
        f"{len(wide)}"
    )
    for length, place in [*found[:SHOWN], *files[:SHOWN]]:
        print(f"{'':<8}{length:>5}  {place}")
    if name == "tests":
        return []
    missed = [f"{name}: p90 of functions is {p90}, more than {MOST_P90}"] if p90 > MOST_P90 else []
    missed += [f"{path}: {size} lines, more than {MOST_FILE}" for size, path in files if size > MOST_FILE]
    return missed + [f"{place}: longer than {MOST_LINE}" for place in wide]


def main() -> int:
    """Print all parts; 1 when an aim is missed."""
    missed = [text for name, folder in PARTS.items() for text in describe(name, ROOT / folder)]
    for text in missed:
        print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
