"""Several visitors: no session is kept after it is closed, and two tabs see the same."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.app.conftest import open_tab
from tests.core.planted import Planted

COUNTING = (str(Path(__file__).with_name("counting_server.py")),)
SHORT = ("--unused-session-lifetime", "500", "--check-unused-sessions", "200")  # ms


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return bytes(answer.read())


def alive(page: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(get(page.removesuffix("app") + "live"))
    return found


def settled(page: str, done: Callable[[dict[str, int]], bool], seconds: float = 60) -> dict[str, int]:
    """The counts when `done` says so, or the last ones."""
    ends = time.monotonic() + seconds
    while not done(found := alive(page)) and time.monotonic() < ends:
        pass  # each question takes the server a while
    return found


@pytest.mark.slow
def test_no_session_outlives_its_visitor(planted: Planted, serve: Any) -> None:
    page = serve(planted.workspace.root, *SHORT, panel=COUNTING)
    before = alive(page)
    for _ in range(4):
        get(page)
    assert settled(page, lambda found: found == before) == before
    assert before["stores"] == 0


@pytest.mark.browser
def test_no_session_outlives_its_tab(planted: Planted, serve: Any, browser: Any) -> None:
    address = serve(planted.workspace.root, *SHORT, panel=COUNTING)
    for number in range(3):
        tab = open_tab(browser)
        tab.goto(f"{address}?page=2&cluster=3")
        expect(tab.locator(".ts-open-name")).to_have_text("cluster 3")
        if number == 0:
            assert alive(address)["stores"] >= 1  # it counts what is open
        tab.close()
    assert settled(address, lambda found: found["stores"] == 0)["stores"] == 0
