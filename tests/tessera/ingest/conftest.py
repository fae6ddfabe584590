from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from tessera.demo.synthetic import draw_slide

from tests.standins.gdc_server import StandIn


@pytest.fixture
def archive() -> Iterator[StandIn]:
    """A stand-in for the GDC on the loopback interface."""
    with StandIn() as server:
        yield server


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Retries without their pauses."""
    stamina.set_testing(True, attempts=1000)
    yield
    stamina.set_testing(False)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five small slides of different sizes."""
    folder = tmp_path_factory.mktemp("drawn")
    return [draw_slide(folder / f"{i}.svs", seed=i, width=640 + 128 * i, height=640, regions=4).path for i in range(5)]
