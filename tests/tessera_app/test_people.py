"""Who may look and who may change, in a real browser behind a password."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tessera.cli import main
from tessera.curate.decisions.history import history
from tessera_app.access import EDITORS, may_change

from tests.tessera.planted import RUN, Planted


def test_everybody_may_change_until_editors_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EDITORS, raising=False)
    assert may_change(None)
    assert may_change("osler")
    monkeypatch.setenv(EDITORS, "virchow, cushing")
    assert may_change("cushing")
    assert not may_change("osler")
    assert not may_change(None)


def test_editors_need_passwords(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["serve", "--workspace", str(tmp_path / "w"), "--editors", "virchow"]) == 1
    assert "--basic-auth" in capsys.readouterr().err


def log_in(page: Any, address: str, user: str) -> None:
    page.goto(address)
    page.fill("#username", user)
    page.fill("#password", "secret")
    page.click("button[type=submit]")


@pytest.mark.browser
def test_a_viewer_looks_and_an_editor_names(
    browser: Any, serve: Any, planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passwords.json").write_text(json.dumps({"osler": "secret", "virchow": "secret"}))
    monkeypatch.setenv(EDITORS, "virchow")
    words = ("--basic-auth", str(tmp_path / "passwords.json"), "--cookie-secret", "0123456789abcdef")
    address = f"{serve(planted.workspace.root, *words)}?page=2&run={RUN}&cluster=0"
    for user in ("osler", "virchow"):
        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.set_default_timeout(120_000)
        log_in(page, address, user)
        page.locator(".ts-name input").fill(f"seen by {user}")
        page.locator(".ts-name input").press("Tab")
        page.locator(".ts-save-name button").click()
        if user == "osler":
            expect(page.get_by_text("osler may look but not change")).to_be_visible()
            expect(page.get_by_text("you may look, not change")).to_be_visible()
            assert history(planted.workspace, RUN) == []
        else:
            expect(page.locator(".ts-open-name")).to_have_text("seen by virchow")
    assert [(d.author, d.value) for d in history(planted.workspace, RUN)] == [("virchow", "seen by virchow")]
