"""Several visitors: no session is kept after it is closed, and two tabs see the same."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tessera.curate.decisions import decide
from tessera.explore.clustering import open_clustering

from tests.tessera.planted import RUN, Planted
from tests.tessera_app.conftest import open_tab

FIELD = ".ts-bench .combo .name"
VIEWER = ".ts-slide-viewer"
COUNTING = (
    "-P",
    str(Path(__file__).with_name("counting_server.py")),
)
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
        expect(tab.locator(".ts-open-name")).to_have_text("No. 3")
        if number == 0:
            assert alive(address)["stores"] >= 1  # it counts what is open
        tab.close()
    assert settled(address, lambda found: found["stores"] == 0)["stores"] == 0


@pytest.mark.browser
def test_two_tabs_stay_consistent(planted: Planted, serve: Any, browser: Any) -> None:
    address = serve(planted.workspace.root)
    one, other = open_tab(browser), open_tab(browser)
    one.goto(f"{address}?page=2&cluster=3")
    other.goto(f"{address}?page=2&cluster=3")
    for tab in (one, other):
        expect(tab.locator(".ts-open-name")).to_have_text("No. 3")

    typing = other.locator("input.ts-author")
    typing.fill("Dr Vir")  # half-way through a word
    one.locator("input.ts-author").fill("A")
    one.locator(FIELD).fill("fat & <b>mucin</b>")
    one.keyboard.press("Shift+Enter")
    for tab in (one, other):
        expect(tab.locator(FIELD)).to_have_value("fat & <b>mucin</b>")
        expect(tab.locator(".crow.open .nm")).to_have_text("fat & <b>mucin</b>")
    assert typing.input_value() == "Dr Vir"

    # what one looks at is its own affair
    one.goto(f"{address}?page=2&cluster=6")
    expect(one.locator(".ts-open-name")).to_have_text("No. 6")
    expect(other.locator(FIELD)).to_have_value("fat & <b>mucin</b>")
    one.locator(FIELD).fill("half a na")
    decide.name_cluster(planted.workspace, RUN, 2, 0, "tumour", author="B")  # somebody else, somewhere else
    for tab in (one, other):
        expect(tab.locator(".crow").get_by_text("tumour").first).to_be_visible()
    assert one.locator(FIELD).input_value() == "half a na"
    assert {d.cluster: d.author for d in decide.history(planted.workspace, RUN)} == {3: "A", 0: "B"}


@pytest.mark.browser
def test_the_address_leads_back_to_what_was_looked_at(planted: Planted, serve: Any, offline_page: Any) -> None:
    address = serve(planted.workspace.root)
    tile = int(open_clustering(planted.workspace, RUN).members(6)[0])
    offline_page.goto(f"{address}?page=2&cluster=6&tile={tile}")
    expect(offline_page.locator(".ts-open-name")).to_have_text("No. 6")
    expect(offline_page.locator(VIEWER)).to_have_attribute("data-marked", re.compile(r"\d+ \d+ \d+ \d+"))
    offline_page.reload()
    expect(offline_page.locator(".ts-open-name")).to_have_text("No. 6")
    expect(offline_page.locator(VIEWER)).to_have_attribute("data-marked", re.compile(r"\d+ \d+ \d+ \d+"))


@pytest.mark.browser
def test_an_address_that_points_nowhere_still_opens_the_page(planted: Planted, serve: Any, offline_page: Any) -> None:
    address = serve(planted.workspace.root)
    for wrong in ("?page=2&cluster=999&tile=99999999&interval=77&run=nobody", "?page=9&cluster=x&tile=1.5"):
        offline_page.goto(address + wrong)
        offline_page.get_by_role("link", name="Explore").click()
        expect(offline_page.locator(".ts-open-name")).to_contain_text("No. ")
        expect(offline_page).to_have_url(re.compile(f"run={RUN}"))


@pytest.mark.browser
def test_back_and_forward_lead_where_one_was(planted: Planted, serve: Any, offline_page: Any) -> None:
    page = offline_page
    page.goto(f"{serve(planted.workspace.root)}?page=explore&cluster=6")
    number = page.locator(".ts-open-name")
    expect(number).to_have_text("No. 6")
    page.locator(".crow[data-cluster='3']").click()
    expect(page).to_have_url(re.compile("cluster=3"))
    page.get_by_role("link", name="Cohort").click()
    expect(page).to_have_url(re.compile("page=cohort"))
    page.go_back()
    expect(number).to_have_text("No. 3")
    page.go_back()
    expect(number).to_have_text("No. 6")
    page.go_forward()
    expect(number).to_have_text("No. 3")
