"""A planted clustering, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.planted import Planted, copy_of, draw_sources, plant


@pytest.fixture(scope="session")
def planted_once(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    return plant(folder / "workspace", draw_sources(folder))


@pytest.fixture
def planted(planted_once: Planted, tmp_path: Path) -> Planted:
    """A fresh copy for each test, so that none sees what another wrote."""
    return copy_of(planted_once, tmp_path / "planted")
