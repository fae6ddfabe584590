"""The password file: what is refused, what is written, who is known at each moment."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from tessera.cli import main
from tessera.errors import AccessError
from tessera.workspace.people import PasswordFile, Role, read, remove, set_password

PASSWORD = "correct horse"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    set_password(tmp_path / "people.json", "osler", PASSWORD, Role.OWNER)
    return tmp_path / "people.json"


def test_a_password_is_kept_as_a_hash_that_only_the_owner_can_read(path: Path) -> None:
    assert PASSWORD not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    passwords = PasswordFile(path)
    assert passwords.verify("osler", PASSWORD)
    assert not passwords.verify("osler", PASSWORD + " ")
    assert not passwords.verify("osler", "")
    assert not passwords.verify("nobody", PASSWORD)


def test_a_new_person_is_a_viewer_and_a_new_password_keeps_the_role(path: Path) -> None:
    assert set_password(path, "cushing", PASSWORD) is Role.VIEWER
    assert set_password(path, "osler", "another horse") is Role.OWNER
    assert PasswordFile(path).verify("osler", "another horse")


def test_who_is_removed_or_has_another_password_is_so_at_once(path: Path) -> None:
    set_password(path, "cushing", PASSWORD)
    passwords = PasswordFile(path)
    remove(path, "cushing")
    assert set(passwords.people()) == {"osler"}
    path.unlink()
    assert passwords.people() == {}
    assert not passwords.verify("osler", PASSWORD)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"version": 1}', '{"version": 1, "people": {}}', '{"osler": "plain"}', '{"version": 9}'],
)
def test_a_broken_or_empty_file_lets_nobody_in(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(AccessError, match=r"people\.json"):
        PasswordFile(path)


@pytest.mark.parametrize("person", ["plain", {}, {"hash": "", "role": "owner"}, {"hash": "$argon2id$", "role": "king"}])
def test_a_broken_person_lets_nobody_in(path: Path, person: object) -> None:
    path.write_text(json.dumps({"version": 1, "people": {"osler": person}}))
    with pytest.raises(AccessError, match="broken at 'osler'"):
        PasswordFile(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(AccessError, match="chmod 600"):
        PasswordFile(path)


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none.json", tmp_path):
        with pytest.raises(AccessError):
            PasswordFile(wrong)


def test_a_file_of_plain_passwords_is_converted(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"osler": "an old password", "virchow": "x"}))
    set_password(path, "cushing", PASSWORD)
    assert {name: person.role for name, person in read(path).items()} == {
        "osler": Role.OWNER,
        "virchow": Role.OWNER,
        "cushing": Role.VIEWER,
    }
    assert PasswordFile(path).verify("osler", "an old password")


@pytest.mark.parametrize("name", ["", "a,b", "x" * 65, 'a"b', "new\nline"])
def test_names_that_cannot_be_logins_are_refused(path: Path, name: str) -> None:
    with pytest.raises(AccessError, match="cannot be a login"):
        set_password(path, name, PASSWORD)


def test_a_short_password_is_refused(path: Path) -> None:
    with pytest.raises(AccessError, match="at least eight"):
        set_password(path, "osler", "1234567")


def test_the_command_asks_for_the_password_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "people.json"
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert main.main(["password", "osler", "--file", str(path), "--role", "reader"]) == 0
    assert "osler may log in as reader" in capsys.readouterr().out
    assert PasswordFile(path).verify("osler", PASSWORD)
    assert main.main(["password", "osler", "--file", str(path), "--remove"]) == 0
    assert json.loads(path.read_text())["people"] == {}


@pytest.mark.parametrize("kind", ["missing", "empty", "readable", "broken"])
def test_serve_does_not_start_without_a_password_file_that_can_be_used(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "people.json"
    if kind != "missing":
        path.write_text("" if kind == "empty" else '{"version": 1, "people": {"a": "b"}}')
        path.chmod(0o644 if kind == "readable" else 0o600)
    assert main.main(["serve", "--workspace", str(tmp_path / "w"), "--port", "0", "--basic-auth", str(path)]) == 1
    assert "password file" in capsys.readouterr().err
