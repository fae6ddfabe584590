"""No serious finding of axe-core on Explore, whatever stands there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tessera.planted import RUN, Planted
from tests.tessera_app.axe import findings


@pytest.mark.browser
def test_explore_has_no_serious_finding(offline_page: Any, serve: Any, planted: Planted) -> None:
    page = offline_page
    page.goto(f"{serve(planted.workspace.root)}?page=explore&run={RUN}&cluster=0")
    page.locator(".ts-bench .gal[data-of='0'][data-ready]").wait_for()
    assert findings(page) == []
    for keys, shown in (
        (["?"], ".dialog .cols"),
        (["m"], ".mrow"),
        (["d"], ".parts .part"),
        (["h"], ".history p"),
        (["c"], ".comparison .column"),
        (["n"], ".pick li"),
        (["t", "Enter"], ".drawer .big"),
    ):
        page.locator(".mid").focus()
        for key in keys:
            page.keyboard.press(key)
        page.locator(shown).first.wait_for()
        assert findings(page) == [], keys
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.locator(".crow[data-cluster='0']").click()
    page.locator(".mid").focus()
    page.keyboard.press("Escape")
    page.get_by_text("Nothing is open").wait_for()
    assert findings(page) == []
    page.get_by_label("Dark page").click()
    page.locator(".crow[data-cluster='3']").click()
    page.locator(".ts-bench.dark .gal[data-of='3'][data-ready]").wait_for()
    assert findings(page) == []
