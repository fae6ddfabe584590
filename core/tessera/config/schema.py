"""JSON Schema of settings, so that editors can complete and check config files."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from tessera.config.settings import Config, Leaf, Setting, group_of, leaves, option, settings

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def schema(config: type[Config]) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a config class."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": config.__name__, **_group(config)}


def _group(config: type[Config], name: str | None = None) -> dict[str, Any]:
    plain = {leaf.path: leaf for leaf in leaves(config) if "." not in leaf.path}
    properties: dict[str, Any] = {} if name is None else {"name": {"const": name}}
    for field, about in settings(config).items():
        if about.internal:
            continue
        group = group_of(config, field)
        if about.options is not None:
            named = [_group(option(about.options, each), each) for each in about.options]
            properties[field] = {
                "description": about.help,
                "default": plain[field].default,
                "anyOf": [{"enum": list(about.options)}, *named],
            }
        elif group is not None:
            properties[field] = {"description": about.help, **_group(group)}
        else:
            properties[field] = _leaf(plain[field])
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _leaf(leaf: Leaf) -> dict[str, Any]:
    about: Setting = leaf.about
    found: dict[str, Any] = {"description": about.help + (f" [{about.unit}]" if about.unit else "")}
    if get_origin(leaf.kind) is tuple:
        found |= {"type": "array", "items": {"type": _TYPES[get_args(leaf.kind)[0]]}, "default": list(leaf.default)}
        return found
    found |= {"type": _TYPES[leaf.kind], "default": leaf.default}
    found |= {"enum": list(about.choices)} if about.choices else {}
    found |= {} if about.low is None else {"minimum": about.low}
    found |= {} if about.high is None else {"maximum": about.high}
    return found
