"""Settings in words: for the help of commands, and as a file to start from."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from tessera import config as configuration
from tessera.config import Config, Leaf

_WIDTH = 110


def about_settings(config: type[Config]) -> Iterator[str]:
    """Every setting with its default, choices and help, wrapped for a terminal."""
    for leaf in configuration.leaves(config):
        about = leaf.about
        if about.internal:
            continue
        choices = f" ({', '.join(about.choices)})" if about.choices else ""
        unit = f" {about.unit}" if about.unit else ""
        only = f" [with {leaf.only[0]}={leaf.only[1]}]" if leaf.only else ""
        text = f"{leaf.path}={leaf.default}{unit}{choices}{only}: {about.help}"
        yield textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="      ")


def defaults_file(config: type[Config]) -> str:
    """A TOML file of all defaults, each with its help above it; `--config` reads it back."""
    groups: dict[str, list[Leaf]] = {"": []}
    chosen = configuration.flat(config())
    for leaf in configuration.leaves(config):
        if leaf.about.internal or (leaf.only is not None and chosen[leaf.only[0]] != leaf.only[1]):
            continue
        path = f"{leaf.path}.name" if leaf.about.options is not None else leaf.path
        group, _, _ = path.rpartition(".")
        groups.setdefault(group, []).append(leaf)
    lines: list[str] = []
    for group, leaves in groups.items():
        lines += [f"[{group}]", ""] if group else []
        for leaf in leaves:
            lines += [*_comment(leaf), f"{_key(leaf)} = {_toml(leaf.default)}", ""]
    return "\n".join(lines).rstrip()


def _key(leaf: Leaf) -> str:
    return "name" if leaf.about.options is not None else leaf.path.rpartition(".")[2]


def _comment(leaf: Leaf) -> Iterator[str]:
    about = leaf.about
    choices = f" One of {', '.join(about.choices)}." if about.choices else ""
    unit = f" [{about.unit}]" if about.unit else ""
    return (f"# {line}" for line in textwrap.wrap(f"{about.help}{unit}{choices}", _WIDTH))


def _toml(value: Any) -> str:
    """A plain value; TOML writes text, numbers, booleans and lists as JSON does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)
