"""Settings from files, forms and the command line, and back to plain values."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tessera.config.settings import Choice, Config, Setting, check, group_of, leaves, option, settings
from tessera.errors import ConfigError

C = TypeVar("C", bound=Config)

_BYTE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTE_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def from_mapping(config: type[C], values: Mapping[str, Any], *, over: Mapping[str, Any] | None = None) -> C:
    """Build a config from plain values, as read from a file, a form or the command line.

    Args:
        config: the config class.
        values: name to value; names may be dotted, values nested; strings are converted to the field's type. A group
            takes a bare value as its `name`.
        over: plain values that these are put on top of.

    Raises:
        ConfigError: an unknown key, a value of the wrong type or out of its bounds.
    """
    nested = nest(config.translate(values))
    if over is not None:
        nested = merge(config, nest(config.translate(over)), nested)
    return _Builder(config).build(config, nested, "")


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names opened: {"a.b": 1, "a": "x"} -> {"a": {"name": "x", "b": 1}}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        value = nest(value) if isinstance(value, Mapping) else value
        for word in reversed(key.split(".")[1:]):
            value = {word: value}
        name = key.split(".")[0]
        found[name] = _joined(found[name], value) if name in found else value
    return found


def merge(config: type[Config], base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values on top of others; another choice of a named group leaves the other's settings behind."""
    found = dict(base)
    for name, value in over.items():
        about, before = settings(config).get(name), found.get(name)
        if before is None or about is None or not isinstance(_opened(before), dict):
            found[name] = value
        elif about.options is not None:
            old, new = _opened(before), _opened(value)
            changes = "name" in new and new["name"] != old.get("name")
            found[name] = new if changes else {**old, **new}
        elif (group := group_of(config, name)) is not None:
            found[name] = merge(group, _opened(before), _opened(value))
        else:
            found[name] = value
    return found


def _opened(value: Any) -> Any:
    return value if isinstance(value, dict | Config) else {"name": value}


def _joined(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) and not isinstance(new, dict):
        return new
    old, new = _opened(old), _opened(new)
    joined = dict(old)
    for key, value in new.items():
        joined[key] = _joined(joined[key], value) if key in joined else value
    return joined


class _Builder:
    """Builds one config; knows all of its names, so that an unknown one can be told the near one.

    Args:
        root: the outermost class.
    """

    def __init__(self, root: type[Config]) -> None:
        self._root = root

    def build(self, config: type[C], values: Mapping[str, Any], where: str) -> C:
        kinds, about = get_type_hints(config), settings(config)
        made: dict[str, Any] = {}
        for name, value in values.items():
            if name not in about:
                raise ConfigError(self._unknown(config, name, where))
            made[name] = self._field(config, name, value, f"{where}{name}", kinds[name])
        return config(**made)

    def _field(self, config: type[Config], name: str, value: Any, path: str, kind: Any) -> Any:
        about, group = settings(config)[name], group_of(config, name)
        if isinstance(value, Config):
            return value
        if about.options is not None:
            return self._choice(about, value, path, config)
        if group is not None:
            if not isinstance(value, dict) and "name" not in settings(group):
                raise ConfigError(f"{path}={value}: {path} is a group; set {_names(group, path + '.')}")
            return self.build(group, _opened(value), f"{path}.")
        if isinstance(value, dict):
            raise ConfigError(f"{path} is one value: it has no settings {', '.join(value)}")
        converted = parse_bytes(path, value) if about.unit == "bytes" else _convert(path, value, kind)
        check(path, about, converted)
        return converted

    def _choice(self, about: Setting, value: Any, path: str, config: type[Config]) -> Choice:
        assert about.options is not None
        values = dict(_opened(value))
        field = path.rsplit(".", 1)[-1]
        name = values.pop("name", None) or getattr(config(), field).name
        if name not in about.options:
            near = difflib.get_close_matches(str(name), about.options, 1)
            meant = f", did you mean {near[0]}?" if near else ":"
            raise ConfigError(f"{path}={name}{meant} choose one of {', '.join(about.options)}")
        chosen = option(about.options, name)
        for key in set(values) - set(settings(chosen)):
            others = [one for one in about.options if key in settings(option(about.options, one))]
            if others:
                raise ConfigError(f"{path}.{key} is a setting of {' and '.join(others)}, and {path} is {name}")
        return self.build(chosen, values, f"{path}.")

    def _unknown(self, config: type[Config], name: str, where: str) -> str:
        paths = [leaf.path for leaf in leaves(self._root) if not leaf.about.internal]
        last = {path.rsplit(".", 1)[-1]: path for path in reversed(paths)}
        near = difflib.get_close_matches(f"{where}{name}", paths, 1, 0.75)
        near += [last[word] for word in difflib.get_close_matches(name, last, 1)]
        meant = f", did you mean {near[0]}?" if near else "."
        return f"unknown setting {where}{name}{meant} The settings here are {_names(config, where)}"


def _names(config: type[Config], where: str) -> str:
    return ", ".join(f"{where}{name}" for name in settings(config)) or "none"


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
    """Read a config file (TOML, or JSON), if there is one, and put `overrides` on top.

    Raises:
        ConfigError: the file cannot be read, holds no settings, or one of them is wrong.
    """
    return from_mapping(config, overrides, over={} if path is None else read_file(path))


def read_file(path: Path) -> dict[str, Any]:
    """The values in a config file.

    Raises:
        ConfigError: it cannot be read as TOML (by its ending .toml) or JSON, or holds no settings.
    """
    try:
        text = path.read_text()
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the config file {path}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold one JSON object of settings")
    return values


def as_dict(config: Config) -> dict[str, Any]:
    """Plain nested values of a config, ready for JSON; a named group begins with its `name`."""
    found: dict[str, Any] = {"name": config.name} if isinstance(config, Choice) else {}
    for name in settings(type(config)):
        value = getattr(config, name)
        found[name] = as_dict(value) if isinstance(value, Config) else list(value) if type(value) is tuple else value
    return found


def flat(config: Config) -> dict[str, Any]:
    """Plain values of a config by their dotted names; the name of a choice is the value of its group."""
    found: dict[str, Any] = {}
    for name in settings(type(config)):
        value = getattr(config, name)
        if isinstance(value, Choice):
            found[name] = value.name
        if isinstance(value, Config):
            found |= {f"{name}.{key}": inner for key, inner in flat(value).items()}
        else:
            found[name] = value
    return found


def digest(config: Config) -> str:
    """Short stable hash of a config, for provenance."""
    return hashlib.sha256(json.dumps(as_dict(config), sort_keys=True).encode()).hexdigest()[:16]


def _convert(path: str, value: Any, kind: Any) -> Any:
    """`value` as the field's type; text from the command line is parsed, a list is parted at commas."""
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise ConfigError(f"{path}={value}: must be true or false")
    if get_origin(kind) is tuple:
        several = [word for word in value.split(",") if word.strip()] if isinstance(value, str) else value
        several = several if isinstance(several, list | tuple) else [several]
        return tuple(
            _convert(path, each.strip() if isinstance(each, str) else each, get_args(kind)[0]) for each in several
        )
    try:
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        return kind(value)
    except (TypeError, ValueError) as error:
        noun = {int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        raise ConfigError(f"{path}={value}: must be {noun}") from error
