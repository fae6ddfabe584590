"""Processes of our own: which Python, with which modules, and what becomes known of one that ends at once."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tessera.workspace.activity import failed_unseen
from tessera.workspace.folder import Workspace

SAFE_PYTHON = (sys.executable, "-P")  # -P: a click.py in the folder that the server was started in is not our click


def safe_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for `SAFE_PYTHON`.

    The folder that `tessera` comes from stays importable although -P leaves out "".

    Nothing is added when it is installed among the packages.
    """
    home = str(Path(__file__).resolve().parents[2])
    folders = [str(Path(part).resolve()) for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    if home not in (*folders, str(Path(sysconfig.get_path("purelib")).resolve())):
        folders.append(home)
    return {**environment, "PYTHONPATH": os.pathsep.join(folders)}


def start_command(workspace: Workspace, *words: str) -> threading.Thread:
    """Start `tessera WORDS --workspace ...` detached; what it prints goes to commands.log in the workspace.

    Returns:
        The thread that waits for it: a command that ends with an error before it has recorded its work is recorded as
        failed, so that pages can say so.
    """
    path = workspace.root / "commands.log"
    with path.open("ab") as log:
        offset = log.tell()
        process = subprocess.Popen(
            [*SAFE_PYTHON, "-m", "tessera", *words, "--workspace", str(workspace.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=safe_environment(os.environ),
        )
    began = time.time()

    def wait() -> None:
        code = process.wait()
        if code:
            message = f"`tessera {words[0]}` ended at once with exit code {code}: {_last_line(path, offset)}"
            failed_unseen(workspace, words[0], process.pid, since=began, message=message)

    waiter = threading.Thread(target=wait, name=f"wait for {words[0]}", daemon=True)
    waiter.start()
    return waiter


def _last_line(log: Path, offset: int) -> str:
    """The last words that were written after `offset`."""
    with log.open("rb") as stream:
        stream.seek(offset)
        lines = [line for line in stream.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("tessera: ").strip() if lines else "see commands.log in the workspace"
