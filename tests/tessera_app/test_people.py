"""Who may look and who may change, in a real browser behind a password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tessera.cli import main
from tessera.curate.decisions.history import history
from tessera.workspace.people import PasswordFile, Role
from tessera_app.access import EDITORS, role_of
from tessera_app.http.logins import Logins

from tests.tessera.planted import RUN, Planted
from tests.tessera_app.conftest import PASSWORD, password_file


def test_the_roles_of_the_password_file_count_until_editors_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(EDITORS, raising=False)
    logins = Logins(PasswordFile(password_file(tmp_path / "p.json", osler="reader", cushing="viewer")))
    assert role_of("osler", logins) == Role.READER
    assert role_of("cushing", logins) == Role.VIEWER
    assert role_of("nobody", logins) == Role.VIEWER
    monkeypatch.setenv(EDITORS, "virchow, cushing")
    assert role_of("cushing", logins) == Role.OWNER
    assert role_of("osler", logins) == Role.VIEWER


def test_editors_need_passwords(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["serve", "--workspace", str(tmp_path / "w"), "--editors", "virchow"]) == 1
    assert "--basic-auth" in capsys.readouterr().err


def log_in(page: Any, address: str, user: str) -> None:
    page.goto(address)
    page.fill("#username", user)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")


@pytest.mark.browser
def test_a_viewer_looks_and_an_editor_names(
    browser: Any, serve: Any, planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password_file(tmp_path / "passwords.json", osler="viewer", virchow="viewer")
    monkeypatch.setenv(EDITORS, "virchow")
    words = ("--basic-auth", str(tmp_path / "passwords.json"), "--cookie-secret", "0123456789abcdef")
    address = f"{serve(planted.workspace.root, *words)}?page=2&run={RUN}&cluster=0"
    for user in ("osler", "virchow"):
        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.set_default_timeout(120_000)
        log_in(page, address, user)
        field = page.locator(".ts-bench .combo .name")
        field.fill(f"seen by {user}")
        field.press("Shift+Enter")
        if user == "osler":
            expect(page.locator(".strip .last")).to_contain_text("osler may look but not change")
            expect(page.locator(".ts-top .role")).to_have_text("you may look, not change")
            expect(field).to_have_value("seen by osler")  # what was typed is not lost
            page.keyboard.press("a")
            expect(page.locator(".ts-bench[data-pending='0']")).to_be_visible()
            assert history(planted.workspace, RUN) == []
        else:
            expect(page.locator(".ts-bench[data-pending='0'] .crow.open")).to_contain_text("seen by virchow")
    assert [(d.author, d.value) for d in history(planted.workspace, RUN)] == [("virchow", "seen by virchow")]
