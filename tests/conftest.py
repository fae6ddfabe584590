"""What all tests share: no network but loopback, the shared data when it is there, small workspaces."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from tessera.workspace.folder import Workspace

from tests.tessera.planted import Planted, copy_of, draw_sources, plant

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail any connection that leaves the machine, unless the test is marked live."""
    if request.node.get_closest_marker("live"):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
            raise OSError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real slides and tiles; the test is skipped where there is none."""
    from tessera.demo.demo import data_folder

    folder = data_folder()
    if not (folder / "slides").is_dir():
        pytest.skip("no shared data: set TESSERA_DATA")
    return folder


@pytest.fixture(scope="session")
def planted_once(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Three slides and three clusterings that are known; only to be read."""
    folder = tmp_path_factory.mktemp("planted")
    return plant(folder / "workspace", draw_sources(folder))


@pytest.fixture
def planted(planted_once: Planted, tmp_path: Path) -> Planted:
    """A fresh copy for each test, so that none sees what another wrote."""
    return copy_of(planted_once, tmp_path / "planted")


@pytest.fixture(autouse=True, scope="session")
def few_threads() -> None:
    """One thread per numeric library, so that parallel tests do not fight for the cores."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
