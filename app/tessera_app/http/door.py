"""The door of the server: which addresses exist. What is not listed here is closed.

Bokeh and Panel register routes of their own, and one of Panel's imports any module that an address names. Each route
that is needed is listed by its pattern; the others leave the table when the server is made, and what stays is wrapped
in `tessera_app.http.guard`.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bokeh.server.server
from bokeh.server.tornado import BokehTornado
from tessera.errors import AccessError
from tessera.workspace.people import PASSWORDS_VARIABLE, PasswordFile, Role

from tessera_app.access import ACCESS, role_of
from tessera_app.http.guard import NotFound, guarded
from tessera_app.http.login_page import COOKIE, LoginProvider
from tessera_app.http.logins import Logins
from tessera_app.http.sockets import BoundedServer, quieten_logs

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Route:
    """A route that exists.

    Attributes:
        pattern: as it is registered with Tornado, without the server's prefix.
        public: whether it answers before the login.
    """

    pattern: str
    public: bool = False


OPEN = [
    Route("/favicon.ico", public=True),
    Route("/login", public=True),
    Route("/logout", public=True),
    Route("/?"),
    Route("/app/?"),
    Route("/app/ws"),
    Route("/static/extensions/(.*)"),
    Route("/static/(.*)"),
]


def allow(*patterns: str, public: bool = False) -> None:
    """Add routes to the list of those that exist."""
    known = {route.pattern for route in OPEN}
    OPEN.extend(Route(pattern, public) for pattern in patterns if pattern not in known)


class Server(BokehTornado):
    """Bokeh's application with the door in it; takes the same arguments."""

    def __init__(self, applications: Any, **settings: Any) -> None:
        super().__init__(applications, **_closed(settings))
        routes = {self.prefix + route.pattern: route for route in OPEN}
        rules = self.wildcard_router.rules
        rules[:] = [rule for rule in rules if _pattern(rule) in routes]
        for rule in rules:
            rule.target = guarded(rule.target, public=routes[_pattern(rule)].public)


def install() -> None:
    """Let every server that is made in this process have the door; may be called again."""
    bokeh.server.server.BokehTornado = Server
    bokeh.server.server.HTTPServer = BoundedServer
    quieten_logs()


def _pattern(rule: Any) -> str:
    return str(rule.matcher.regex.pattern).removesuffix("$")


def _closed(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of Bokeh's application with secrets that only this process knows, and our logins instead of Panel's."""
    from panel import config

    passwords = os.environ.get(PASSWORDS_VARIABLE) or config.basic_auth
    ACCESS.logins = Logins(_password_file(str(passwords))) if passwords else None
    if ACCESS.logins is not None:
        settings["auth_provider"] = LoginProvider(ACCESS.logins)
    return settings | {
        "secret_key": secrets.token_bytes(32),
        "sign_sessions": True,
        "generate_session_ids": True,
        "cookie_secret": secrets.token_hex(32),
        "default_handler_class": guarded(NotFound, public=True),
        # the login's cookie must not travel in the page's token, which any script of the page can read
        "include_cookies": None,
        "include_headers": None,
        "exclude_cookies": [COOKIE],
        "exclude_headers": ["Cookie", "Authorization", "Bokeh-Session-Id"],
    }


def _password_file(path: str) -> PasswordFile:
    try:
        passwords = PasswordFile(Path(path))
    except AccessError as error:
        sys.exit(f"tessera: {error}")
    if all(role_of(name, Logins(passwords)) == Role.VIEWER for name in passwords.people()):
        _LOG.warning("everybody in %s may only look; `tessera password NAME --role owner` gives more", path)
    return passwords
