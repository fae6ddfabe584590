from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

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
