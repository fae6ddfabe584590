"""Options that several commands share, as types.

A command lists them in its signature, and the help follows from that.
"""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from tessera import config as configuration
from tessera.config import Config
from tessera.errors import ConfigError
from tessera.workspace.folder import ENVIRONMENT_VARIABLE

# Exit codes, the same for every command; README has the table.
DONE, FAILED, WRONG_USE, SET_ASIDE, INTERRUPTED = 0, 1, 2, 3, 130


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command takes.

    Attributes:
        workspace: the project folder.
        verbose: whether to log what is done; read by `tessera.cli.main`.
    """

    workspace: Annotated[
        Path,
        Parameter(env_var=ENVIRONMENT_VARIABLE, help="Project folder; without it, the one that the variable names."),
    ] = Path("workspace")
    verbose: Annotated[bool, Parameter(help="Log what is done.", show_default=False)] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Answering(Common):
    """What commands take whose answer a program may want.

    Attributes:
        json: whether the answer is printed as JSON.
    """

    json: Annotated[bool, Parameter(help="Print the answer as JSON.", show_default=False)] = False

    def answer(self, machine: Any, human: str) -> None:
        """Print the answer for whoever asked."""
        print(json.dumps(machine, indent=2, default=str) if self.json else human)


COMMON, ANSWERING = Common(), Answering()

Settings = Annotated[
    list[str] | None, Parameter(name="--set", help="KEY=VALUE: any setting of the list below; may be repeated.")
]
Author = Annotated[str, Parameter(help="Who decides; your login if not given.", show_default=False)]
Interval = Annotated[int | None, Parameter(help="Which clustering of the run; the last if not given.")]


def setting(config: type[Config], name: str, **more: Any) -> Parameter:
    """The option of one setting; its value stays text until the config checks it."""
    about = configuration.settings(config)[name]
    default = config.__dataclass_fields__[name].default
    unit = f" [{about.unit}]" if about.unit else ""
    shown = f"{default:,}" if isinstance(default, int) and about.unit == "bytes" else repr(default)
    return Parameter(help=f"{about.help}{unit} Default {shown}.", show_default=False, **more)


def named(options: Any, settings: list[str] | None) -> dict[str, Any]:
    """Settings given as options of their own, and those given by --set, which win."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    return {**given, **configuration.parse_overrides(settings or [])}


def who(author: str) -> str:
    """The author that was given, or the login."""
    return author or getpass.getuser()


def numbers(option: str, text: str) -> list[int]:
    """Cluster numbers of a list such as 3,7,12.

    Raises:
        ConfigError: something else stands there.
    """
    try:
        return [int(word) for word in text.split(",") if word]
    except ValueError as error:
        raise ConfigError(f"{option} {text}: write cluster numbers as 3,7,12") from error
