"""What a setting is: frozen dataclasses, nested one in another, each field with its help, unit and bounds.

A field is a plain value (`setting`), a group of settings (`part`), or one of several groups, chosen by name (`one_of`),
whose classes live beside the component that they configure and are imported when they are needed.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast, get_type_hints

from tessera.errors import ConfigError

T = TypeVar("T")


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
        options: for one of several groups: name -> "module:Class" of each.
    """

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    internal: bool = False
    options: Mapping[str, str] | None = None


def setting(
    default: T,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    advanced: bool = False,
    internal: bool = False,
) -> T:
    """Declare a field with its default and its `Setting`. Typed as the default, so that mypy sees a wrong one."""
    about = Setting(help, unit, low, high, choices, advanced, internal)
    return dataclasses.field(default=default, metadata={"setting": about})


@dataclass(frozen=True)
class Config:
    """Base of all settings: a value out of its bounds cannot be built."""

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is unknown or out of its bounds.
        """
        for name, about in settings(type(self)).items():
            check(name, about, getattr(self, name))

    @classmethod
    def translate(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Values as an older version wrote them, by their present names; most classes have no past."""
        return values

    @classmethod
    def of(cls: type[C], values: Mapping[str, Any] | None = None, **more: Any) -> C:
        """Build from plain values, nested or with dotted names: `RunConfig.of({"clustering.clusters": 9}, seed=1)`.

        Raises:
            ConfigError: an unknown name, a value of the wrong type or out of its bounds.
        """
        from tessera.config.reading import from_mapping

        return from_mapping(cls, {**(values or {}), **more})

    def but(self: C, values: Mapping[str, Any] | None = None, **more: Any) -> C:
        """The same settings with some changed, as `of` takes them.

        Another choice of a named group, such as another method, starts from that group's defaults.

        Raises:
            ConfigError: an unknown name, a value of the wrong type or out of its bounds.
        """
        from tessera.config.reading import as_dict, from_mapping

        return from_mapping(type(self), {**(values or {}), **more}, over=as_dict(self))


C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Choice(Config):
    """Base of groups that are chosen by name: a method, a clusterer.

    Attributes:
        name: what it is called in settings.
    """

    name: ClassVar[str]


def part(config: type[C], help: str = "") -> C:
    """Declare a field that is a group of settings."""
    about = Setting(help or (config.__doc__ or "").splitlines()[0])
    return dataclasses.field(default_factory=config, metadata={"setting": about})


def one_of(options: Mapping[str, str], default: str, help: str, *, advanced: bool = False) -> Any:
    """Declare a field that is one of several groups of settings.

    Args:
        options: name -> "module:Class", a subclass of `Choice`; the module must not load torch.
        default: a name.
        help: one line.
        advanced: hidden at first in forms.
    """
    about = Setting(help, choices=tuple(options), advanced=advanced, options=options)
    return dataclasses.field(default_factory=lambda: option(options, default)(), metadata={"setting": about})


def option(options: Mapping[str, str], name: str) -> type[Choice]:
    """The class of a named group.

    Raises:
        KeyError: no such name.
    """
    module, _, found = options[name].partition(":")
    return cast(type[Choice], getattr(importlib.import_module(module), found))


def settings(config: type[Config]) -> dict[str, Setting]:
    """Name and `Setting` of every field of a config class, in order; groups are not opened."""
    return {field.name: field.metadata["setting"] for field in dataclasses.fields(config)}


def group_of(config: type[Config], name: str) -> type[Config] | None:
    """The class of a field that is one group of settings; None for plain values and named groups."""
    kind = get_type_hints(config)[name]
    opened = settings(config)[name].options is None and isinstance(kind, type) and issubclass(kind, Config)
    return kind if opened else None


@dataclass(frozen=True)
class Leaf:
    """One plain value in the tree of settings.

    Attributes:
        path: dotted name, `optimiser.learning_rate`.
        about: its help, unit and bounds.
        default: its default.
        kind: its type.
        only: the choice that it belongs to, as (dotted name of the group, name of the choice); None = always there.
    """

    path: str
    about: Setting
    default: Any
    kind: Any
    only: tuple[str, str] | None = None


def leaves(config: type[Config], within: str = "", only: tuple[str, str] | None = None) -> Iterator[Leaf]:
    """Every plain value of a config class, in order.

    The name of a choice is one, and those of all choices follow it.
    """
    kinds, made = get_type_hints(config), config()
    for name, about in settings(config).items():
        path, value = f"{within}{name}", getattr(made, name)
        if about.options is not None:
            yield Leaf(path, about, value.name, str, only)
            for each in about.options:
                yield from leaves(option(about.options, each), f"{path}.", (path, each))
        elif (group := group_of(config, name)) is not None:
            yield from leaves(group, f"{path}.", only)
        else:
            yield Leaf(path, about, value, kinds[name], only)


def check(path: str, about: Setting, value: Any) -> None:
    """Refuse a value out of its bounds.

    Raises:
        ConfigError: it is unknown or out of its bounds.
    """
    if isinstance(value, Config):
        return
    unit = f" {about.unit}" if about.unit else ""
    if about.options is not None:
        raise ConfigError(f"{path}={value}: choose one of {', '.join(about.options)}")
    if about.choices and value not in about.choices:
        raise ConfigError(f"{path}={value}: choose one of {', '.join(about.choices)}")
    if isinstance(value, float) and value != value:
        raise ConfigError(f"{path} is not a number")
    if about.low is not None and value < about.low:
        raise ConfigError(f"{path}={value}: must be at least {about.low:g}{unit}")
    if about.high is not None and value > about.high:
        raise ConfigError(f"{path}={value}: must be at most {about.high:g}{unit}")
