"""The command line: thin; options come from config, work is done by the rooms.

Heavy modules are imported by the command that needs them, so that `tessera --help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core import config as configuration
from core.errors import TesseraError
from core.workspace import default_root


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `tessera`; those of the process when None.

    Returns:
        Exit code: 0 when all went well, 1 when something failed, 2 for wrong words, 130 when interrupted.
    """
    options = build_parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except TesseraError as error:
        print(f"tessera: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tessera: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return code
