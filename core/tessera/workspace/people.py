"""Who may log in to the dashboard, and as what: a password file of argon2 hashes that only its owner can read."""

from __future__ import annotations

import enum
import json
import os
import re
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tessera.errors import AccessError
from tessera.workspace import files

PASSWORDS_VARIABLE = "TESSERA_PASSWORDS"
_VERSION = 1
_NAME = re.compile(r"[^\x00-\x1f\x7f,:;\"\\]{1,64}")
# verified for names that are not in the file, so that the time taken does not tell which names exist
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$JmQfh0KKfFUIV2MP7iUoCQ$thztZlasa2kdktekieNqOqx4+RrAtcDAXGBB7nRFtbc"


class Role(enum.IntEnum):
    """What somebody may do; each role may do what those before it may."""

    VIEWER = 1  # look
    READER = 2  # also name, mark, merge, split, read
    OWNER = 3  # also ingest, run, export, delete


@dataclass(frozen=True)
class Person:
    """One login.

    Attributes:
        hash: argon2 hash of the password.
        role: what the login may do.
    """

    hash: str
    role: Role


class PasswordFile:
    """The people of a password file; read again when the file changes, so that a removed login ends at once.

    Args:
        path: the file, as `tessera password` writes it.

    Raises:
        AccessError: the file is missing, empty or broken, others can read it, or it holds plain passwords. Nobody is
            let in then: a password file that cannot be used must stop the server, not open it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._people = read(path)

    def people(self) -> dict[str, Person]:
        """Everybody who may log in at this moment; nobody while the file cannot be used."""
        with self._lock:
            try:
                stamp = _stamp(self.path)
                if stamp != self._stamp:
                    self._people, self._stamp = read(self.path), stamp
            except AccessError:
                self._people, self._stamp = {}, ()
            return self._people

    def verify(self, name: str, password: str) -> bool:
        """Whether a password is right; takes as long for a name that is unknown."""
        person = self.people().get(name)
        right = _matches(person.hash if person else _NOBODY, password)
        return right and person is not None


def read(path: Path) -> dict[str, Person]:
    """People of a password file.

    Raises:
        AccessError: see `PasswordFile`.
    """
    _check_mode(path)
    found = _parsed(path)
    if not isinstance(found.get("people"), dict) or found.get("version") != _VERSION:
        raise AccessError(
            f"the password file {path} is not one of version {_VERSION}: `tessera password NAME --file {path}` makes "
            "it one, "
            "and replaces plain passwords by hashes"
        )
    if not found["people"]:
        raise AccessError(f"the password file {path} names nobody: add somebody with `tessera password NAME`")
    return {name: _person(path, name, value) for name, value in found["people"].items()}


def set_password(path: Path, name: str, password: str, role: Role | None = None) -> Role:
    """Add a person to a password file, or give them another password or role; makes the file if it is missing.

    A file of plain passwords ({"name": "password"}, as older versions took it) is converted: everybody in it is kept.

    Args:
        path: the file; written with mode 0600.
        name: login.
        password: at least eight characters.
        role: None keeps the role of a known person; a new one becomes a viewer.

    Returns:
        The role that the person has now.

    Raises:
        AccessError: the name or the password cannot be used, or the file is broken.
    """
    if not _NAME.fullmatch(name):
        raise AccessError(
            f"{name!r} cannot be a login: 1 to 64 characters, without commas, colons, quotes and controls"
        )
    if len(password) < 8:
        raise AccessError("the password is too short: take at least eight characters")
    people = _all_people(path)
    known = people.get(name)
    person = Person(_hashed(password), role or (known.role if known else Role.VIEWER))
    _write(path, {**people, name: person})
    return person.role


def remove(path: Path, name: str) -> None:
    """Take a person out of a password file; a server that uses it ends their logins at once.

    Raises:
        AccessError: the file is broken, or does not name the person.
    """
    people = read(path)
    if name not in people:
        raise AccessError(f"{path} names no {name!r}: it names {', '.join(sorted(people))}")
    _write(path, {other: person for other, person in people.items() if other != name})


def _all_people(path: Path) -> dict[str, Person]:
    """As `read`, but of plain passwords too, hashed; nobody when there is no file yet."""
    if not path.exists():
        return {}
    found = _parsed(path)
    if "version" in found:
        return read(path) if found.get("people") else {}
    plain = {name: value for name, value in found.items() if isinstance(value, str) and value}
    if len(plain) != len(found):
        raise AccessError(f"the password file {path} is broken: move it away and make a new one")
    return {name: Person(_hashed(value), Role.OWNER) for name, value in plain.items()}


def _parsed(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AccessError(f"the password file {path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise AccessError(f"the password file {path} is broken: it holds no table of people")
    return found


def _person(path: Path, name: str, value: Any) -> Person:
    try:
        role, hashed = Role[str(value["role"]).upper()], str(value["hash"])
    except (KeyError, TypeError) as error:
        raise AccessError(f"the password file {path} is broken at {name!r}: it needs a hash and a role") from error
    if not hashed.startswith("$argon2"):
        raise AccessError(f"the password file {path} is broken at {name!r}: the hash is not one of argon2")
    return Person(hashed, role)


def _check_mode(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise AccessError(f"no password file at {path}: make one with `tessera password NAME --file {path}`") from error
    if not stat.S_ISREG(mode):
        raise AccessError(f"the password file {path} is not a file: give the file that `tessera password` wrote")
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise AccessError(f"the password file {path} can be read by other users of this machine: chmod 600 {path}")


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        about = path.stat()
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_ino, about.st_size, about.st_mode


def _write(path: Path, people: dict[str, Person]) -> None:
    rows = {name: {"hash": person.hash, "role": person.role.name.lower()} for name, person in sorted(people.items())}
    text = json.dumps({"version": _VERSION, "people": rows}, indent=1)
    files.write_bytes(path, text.encode(), private=True)


def _hashed(password: str) -> str:
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def _matches(hashed: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False
