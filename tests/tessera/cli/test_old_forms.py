"""What scripts of version 0.1 wrote gets one clear sentence in a checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tessera.cli import doctor
from tessera.config import RunConfig

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "words", [["-m", "core.cli", "status"], ["-c", "import core"], ["-c", "from core.runs import control"]]
)
def test_old_names_say_the_new_ones(words: list[str]) -> None:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "the library is called `tessera` now" in done.stderr.splitlines()[-1]


def test_doctor_advises_settings_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LOW_MEMORY_GB", 10**6)
    advised = re.findall(r"--set (\S+?)[,;]? ", f"{doctor._memory().advice} ")
    assert len(advised) == 2
    RunConfig.of(dict(pair.split("=") for pair in advised))
