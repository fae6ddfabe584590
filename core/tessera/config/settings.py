"""What a setting is, and how settings are read from files, forms and the command line."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from tessera.errors import ConfigError


@dataclass(frozen=True)
class Setting:
    """What a form or a help text needs to know of one field.

    Attributes:
        help: one line of what it does and why it has its default.
        unit: unit of the value, empty when it has none.
        low: smallest value allowed, inclusive.
        high: largest value allowed, inclusive.
        choices: the values allowed, when they can be listed.
        advanced: hidden at first in forms.
        internal: set by Tessera itself, in no form.
    """

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    internal: bool = False


def setting(default: Any, help: str, **about: Any) -> Any:
    """Declare a field with its default and its `Setting`."""
    return dataclasses.field(default=default, metadata={"setting": Setting(help, **about)})


@dataclass(frozen=True)
class Config:
    """Base of all settings: a value out of its bounds cannot be built."""

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is unknown or out of its bounds.
        """
        for name, about in settings(type(self)).items():
            value = getattr(self, name)
            unit = f" {about.unit}" if about.unit else ""
            if about.choices and value not in about.choices:
                raise ConfigError(f"{name}={value}: choose one of {', '.join(about.choices)}")
            if isinstance(value, float) and value != value:
                raise ConfigError(f"{name} is not a number")
            if about.low is not None and value < about.low:
                raise ConfigError(f"{name}={value}: must be at least {about.low:g}{unit}")
            if about.high is not None and value > about.high:
                raise ConfigError(f"{name}={value}: must be at most {about.high:g}{unit}")


C = TypeVar("C", bound=Config)


def settings(config: type[Config]) -> dict[str, Setting]:
    """Name and `Setting` of every field of a config class, in order."""
    return {field.name: field.metadata["setting"] for field in dataclasses.fields(config)}


def from_mapping(config: type[C], values: Mapping[str, Any]) -> C:
    """Build a config from plain values, as read from a file, a form or the command line.

    Args:
        config: the config class.
        values: field name to value; strings are converted to the field's type.

    Raises:
        ConfigError: an unknown key, a value of the wrong type or out of its bounds.
    """
    known = get_type_hints(config)
    unknown = sorted(set(values) - {field.name for field in dataclasses.fields(config)})
    if unknown:
        near = [name for key in unknown for name in difflib.get_close_matches(key, settings(config), 1)]
        meant = f", did you mean {', '.join(near)}?" if near else "."
        raise ConfigError(f"unknown setting {', '.join(unknown)}{meant} The settings are {', '.join(settings(config))}")
    units = {name: about.unit for name, about in settings(config).items()}
    converted: dict[str, Any] = {
        name: parse_bytes(name, value) if units[name] == "bytes" else _convert(name, value, known[name])
        for name, value in values.items()
    }
    return config(**converted)


_BYTE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTE_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def parse_bytes(name: str, value: Any) -> int:
    """A size such as 12GB, 1.5 TiB or 800000000 in bytes.

    Raises:
        ConfigError: not a size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
    if match is None or match.group(2).upper() not in _BYTE_UNITS:
        raise ConfigError(f"{name}={value}: write a size as 12GB, 500MB or 2TB")
    return round(float(match.group(1)) * _BYTE_UNITS[match.group(2).upper()])


def parse_overrides(pairs: Iterable[str]) -> dict[str, str]:
    """Split `key=value` words of the command line.

    Raises:
        ConfigError: a word has no equals sign.
    """
    words = [pair.partition("=") for pair in pairs]
    for key, equals, value in words:
        if not equals:
            raise ConfigError(f"--set {key}{value}: write it as key=value")
    return {key.strip(): value.strip() for key, _, value in words}


def load(config: type[C], path: Path | None, overrides: Mapping[str, Any]) -> C:
    """Read a JSON config file, if there is one, and put `overrides` on top.

    Raises:
        ConfigError: the file cannot be read, is not a JSON object, or a setting is wrong.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read the config file {path}: {error}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path} must hold one JSON object of settings")
    return from_mapping(config, {**values, **overrides})


def as_dict(config: Config) -> dict[str, Any]:
    """Plain values of a config, ready for JSON."""
    return dataclasses.asdict(config)


def digest(config: Config) -> str:
    """Short stable hash of a config, for provenance."""
    return hashlib.sha256(json.dumps(as_dict(config), sort_keys=True).encode()).hexdigest()[:16]


def _convert(name: str, value: Any, kind: type) -> Any:
    """`value` as the field's type; text from the command line is parsed."""
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise ConfigError(f"{name}={value}: must be true or false")
    try:
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        return kind(value)
    except (TypeError, ValueError) as error:
        noun = {int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        raise ConfigError(f"{name}={value}: must be {noun}") from error
