"""Logins of this server process.

Random ids that only it knows, ended by logging out, by time, or by the password file.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from tessera.workspace.people import PasswordFile, Role

LIFE_S = 12 * 3600.0
_V = TypeVar("_V")
_MOST = 20_000  # ids that are remembered of each kind, the oldest forgotten first


@dataclass(frozen=True)
class _Login:
    name: str
    hash: str  # of the password it was made with: a new password ends it
    ends: float  # time.monotonic


class Logins:
    """Who is logged in, and whose each page session is.

    Args:
        passwords: the people.
    """

    def __init__(self, passwords: PasswordFile) -> None:
        self.passwords = passwords
        self._lock = threading.Lock()
        self._logins: OrderedDict[str, _Login] = OrderedDict()
        self._sessions: OrderedDict[str, str] = OrderedDict()  # page session -> login

    def begin(self, name: str) -> str:
        """A new login of somebody whose password was right: its id, for the cookie."""
        person, login = self.passwords.people()[name], secrets.token_urlsafe(32)
        with self._lock:
            _remember(self._logins, login, _Login(name, person.hash, time.monotonic() + LIFE_S))
        return login

    def end(self, login: str) -> None:
        """Forget a login; its page sessions belong to nobody any more."""
        with self._lock:
            self._logins.pop(login, None)

    def name(self, login: str | None) -> str | None:
        """Whose login it is; None when it has ended, or its person was removed or has another password now."""
        found = self._logins.get(login or "")
        if found is None or time.monotonic() > found.ends:
            return None
        person = self.passwords.people().get(found.name)
        return found.name if person is not None and person.hash == found.hash else None

    def role(self, name: str) -> Role:
        """Role of a person at this moment; a viewer when they are not in the file any more."""
        person = self.passwords.people().get(name)
        return Role.VIEWER if person is None else person.role

    def own(self, session: str, login: str) -> None:
        """Note that a page session was made for a login."""
        with self._lock:
            _remember(self._sessions, session, login)

    def login_of(self, session: str) -> str | None:
        """The login that a page session was made for; None when this server made none of that id."""
        return self._sessions.get(session)

    def owner(self, session: str) -> str | None:
        """Whose page session it is; None when nobody is logged in for it any more."""
        return self.name(self.login_of(session))


def _remember(kept: OrderedDict[str, _V], key: str, value: _V) -> None:
    kept[key] = value
    while len(kept) > _MOST:
        kept.popitem(last=False)
