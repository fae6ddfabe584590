"""The command line as a person or a script uses it: processes of their own, answers in JSON, honest exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Shell:
    """Runs `tessera` in one workspace."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def __call__(self, *words: object) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "core.cli", *map(str, words), "--workspace", str(self._workspace)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ})
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def json(self, *words: object) -> Any:
        code, out, err = self(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    def fails(self, *words: object) -> str:
        code, out, err = self(*words)
        assert code == 1, (code, out, err)
        assert err.startswith("tessera: ")
        return err


def test_wrong_words_are_told_apart_from_failures(tmp_path: Path) -> None:
    tessera = Shell(tmp_path / "none")
    for words in (("fly",), ("run", "--fast"), ("export", "r"), ()):
        code, _, err = tessera(*words)
        assert code == 2
        assert "usage" in err
    assert "no workspace in" in tessera.fails("status")
    assert not (tmp_path / "none").exists()
