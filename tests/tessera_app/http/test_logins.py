"""Logins end when people log out, leave or change their password.

Page sessions belong to the login that opened them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tessera.workspace.people import PasswordFile, remove, set_password
from tessera_app.http.logins import Logins

from tests.tessera_app.conftest import password_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return password_file(tmp_path / "people.json", osler="owner", cushing="viewer")


def test_a_login_is_known_until_it_ends(path: Path) -> None:
    logins = Logins(PasswordFile(path))
    login = logins.begin("osler")
    assert logins.name(login) == "osler"
    assert logins.name("osler") is None
    assert logins.name(None) is None
    logins.end(login)
    assert logins.name(login) is None


@pytest.mark.parametrize("change", ["removed", "password", "file gone"])
def test_a_login_ends_with_its_person(path: Path, change: str) -> None:
    logins = Logins(PasswordFile(path))
    login = logins.begin("cushing")
    logins.own("session", login)
    assert logins.owner("session") == "cushing"
    if change == "removed":
        remove(path, "cushing")
    elif change == "password":
        set_password(path, "cushing", "a new password")
    else:
        path.unlink()
    assert logins.name(login) is None
    assert logins.owner("session") is None


def test_a_page_session_belongs_to_one_login(path: Path) -> None:
    logins = Logins(PasswordFile(path))
    owner, viewer = logins.begin("osler"), logins.begin("cushing")
    logins.own("session", owner)
    assert logins.login_of("session") == owner != viewer
    assert logins.login_of("another") is None
    assert logins.owner("another") is None
