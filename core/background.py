"""Commands that a page starts as processes of their own, so that the server never does the work."""

from __future__ import annotations

import subprocess
import sys

from core.workspace import Workspace


def start_command(workspace: Workspace, *words: str) -> None:
    """Start `tessera WORDS --workspace ...` detached; what it prints goes to commands.log in the workspace."""
    with (workspace.root / "commands.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "core.cli", *words, "--workspace", str(workspace.root)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
