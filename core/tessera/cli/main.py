"""The door of the command line: finds the command, calls it, and turns errors into a message and an exit code.

A command is a function; cyclopts builds its parser and help from the signature. Only the command that is called is
imported, so that `tessera --help` answers at once.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tessera import __version__
from tessera.cli.table import COMMANDS, Command, overview
from tessera.errors import TesseraError

if TYPE_CHECKING:
    from cyclopts import App

HELP = ("--help", "-h")
_WIDTH = 110


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `tessera`; those of the process when None.

    Returns:
        Exit code: 0 when all went well, 1 when something failed, 2 for wrong words, 3 when it is done but something was
        set aside, 130 when interrupted, 141 when nobody reads the answer any more.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    _log(verbose="--verbose" in words)
    try:
        code = _answer(words)
        sys.stdout.flush()
    except BrokenPipeError:  # `tessera status | head`: whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's last flush finds a reader
        return 128 + signal.SIGPIPE
    except TesseraError as error:
        print(f"tessera: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        from tessera.workspace import files

        if not files.is_no_room(error):
            raise
        print(f"tessera: {error}: free some space and start again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tessera: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return code


def _answer(words: Sequence[str]) -> int:
    """The code of a command, or of the few words that are none."""
    name = words[0] if words else ""
    if name in HELP:
        print(overview())
        raise SystemExit(0)
    if name == "--version":
        print(f"tessera {__version__}")
        return 0
    if name not in COMMANDS:
        return _wrong("COMMAND", _unknown(name) if name else "a command is missing", overview_too=not name)
    return _call(name, COMMANDS[name], words[1:])


def _call(name: str, command: Command, words: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    app = build_app(name, command)
    try:
        result = app(list(words), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _wrong(name, str(error))
    if not {*HELP}.isdisjoint(words[: words.index("--")] if "--" in words else words):
        _print_settings(command)
        raise SystemExit(0)
    return int(result or 0)


def build_app(name: str, command: Command) -> App:
    """The parser of one command, from the signature of its function."""
    from cyclopts import App, Group, Parameter
    from rich.console import Console

    function = command.load()
    return App(
        name=f"tessera {name}",
        help=_paragraphs(inspect.getdoc(function) or ""),
        default_command=function,
        group_commands=Group("Commands", show=False),  # only --help would stand there
        console=Console(width=_WIDTH, highlight=False),
        default_parameter=Parameter(negative=(), show_env_var=True),
        help_format="plaintext",
        help_formatter="plain",
        version_flags=(),
        suppress_keyboard_interrupt=False,
    )


def _paragraphs(text: str) -> str:
    """Text without the line breaks of the source."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _print_settings(command: Command) -> None:
    """Every setting that --set takes, below the options."""
    if not command.settings:
        return
    from tessera import config as configuration
    from tessera.cli.about_settings import about_settings

    classes: list[Any] = [getattr(configuration, name) for name in command.settings]
    print(
        "\n".join(
            ["settings, for --set and files of --config:", *(line for one in classes for line in about_settings(one))]
        )
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, 1)
    return f"unknown command {name}" + (
        f", did you mean {near[0]}?" if near else f": choose one of {', '.join(COMMANDS)}"
    )


def _wrong(command: str, message: str, *, overview_too: bool = False) -> int:
    """Say what is wrong with the words."""
    if overview_too:
        print(overview(), file=sys.stderr)
    else:
        print(f"usage: tessera {command} ...", file=sys.stderr)
    at = "" if command == "COMMAND" else f" {command}"
    print(f"tessera: {message.strip().rstrip('.')}; `tessera{at} --help` lists what there is", file=sys.stderr)
    return 2


def _log(*, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # what is tried again is said by tessera.ingest.archive.http, with the slide
    logging.getLogger("stamina").setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
