"""Each example of the library runs from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tessera.planted import RUN, Planted

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
pytestmark = pytest.mark.slow  # starts Python and torch


def run(name: str, *words: str) -> str:
    """What an example prints."""
    command = [sys.executable, str(EXAMPLES / name), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def test_rcc_finds_the_blobs_and_takes_an_array(tmp_path: Path) -> None:
    assert "1000 points: 5 clusters of 5 or more" in run("rcc_on_your_array.py")
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(60, 4)))
    assert "60 points" in run("rcc_on_your_array.py", str(tmp_path / "own.npy"))


def test_a_loop_of_ones_own_learns_the_clusters_of_a_run(planted: Planted) -> None:
    lines = run("own_torch_loop.py", str(planted.workspace.root), RUN, "--epochs", "3").splitlines()
    assert len(lines) == 3
    assert "as their cluster" in lines[-1]
