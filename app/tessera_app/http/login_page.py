"""The page that asks for a name and a password, and the one that ends a login."""

from __future__ import annotations

import asyncio
import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bokeh.server.auth_provider import AuthProvider
from jinja2 import Environment
from tornado.web import HTTPError, RequestHandler

from tessera_app.http.logins import LIFE_S, Logins
from tessera_app.http.throttle import Throttle

COOKIE = "tessera_login"
_PAGES = Path(__file__).parent
_LOGIN, _LOGOUT = (
    Environment(autoescape=True).from_string((_PAGES / name).read_text()) for name in ("login.html", "logout.html")
)
_NEXT = re.compile(r"/app(\?[\x21-\x5b\x5d-\x7e]*)?")  # only the page itself, with what it shows
_THROTTLE = Throttle()
_AT_ONCE = asyncio.Semaphore(2)  # an argon2 hash takes 64 MB


def login_of(handler: RequestHandler) -> str | None:
    """Id of the login in a request's signed cookie; None when there is none or it was tampered with."""
    value = handler.get_signed_cookie(COOKIE, max_age_days=LIFE_S / 86400)
    return None if value is None else value.decode("ascii", "replace")


class LoginProvider(AuthProvider):
    """Tells Bokeh's handlers who asks, by our logins.

    Args:
        logins: of this process.
    """

    def __init__(self, logins: Logins) -> None:
        self.logins = logins
        super().__init__()

    @property
    def get_user(self) -> Any:
        return lambda handler: self.logins.name(login_of(handler))

    @property
    def login_url(self) -> str:
        return "/login"

    @property
    def login_handler(self) -> type[RequestHandler]:
        return LoginHandler

    @property
    def logout_url(self) -> str:
        return "/logout"

    @property
    def logout_handler(self) -> type[RequestHandler]:
        return LogoutHandler


class _OwnOriginOnly(RequestHandler):
    """Takes forms from its own pages only."""

    @property
    def logins(self) -> Logins:
        found: Logins = self.application.auth_provider.logins
        return found

    def require_own_origin(self) -> None:
        origin, site = self.request.headers.get("Origin"), self.request.headers.get("Sec-Fetch-Site", "same-origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != self.request.host.lower()
        if foreign or site not in ("same-origin", "none"):
            raise HTTPError(403, "a form from a foreign page")


class LoginHandler(_OwnOriginOnly):
    """Asks for name and password; a right one gives a new login, and leads to the page."""

    def get(self) -> None:
        self.answer("")

    async def post(self) -> None:
        self.require_own_origin()
        name, password = self.get_body_argument("username", ""), self.get_body_argument("password", "", strip=False)
        address = self.request.remote_ip or ""
        wait_s = _THROTTLE.wait_s(address, name)
        if wait_s:
            self.set_status(429)
            self.set_header("Retry-After", str(math.ceil(wait_s)))
            self.answer(f"Too many wrong passwords. Try again in {math.ceil(wait_s)} s.")
            return
        async with _AT_ONCE:
            right = await asyncio.to_thread(self.logins.passwords.verify, name, password)
        if not right:
            _THROTTLE.wrong(address, name)
            self.set_status(401)
            self.answer("Wrong name or password.")
            return
        _THROTTLE.right(address, name)
        secure = self.request.protocol == "https"
        self.set_signed_cookie(COOKIE, self.logins.begin(name), None, httponly=True, samesite="Lax", secure=secure)
        self.redirect(self._next())

    def answer(self, message: str) -> None:
        self.write(_LOGIN.render(message=message, next=self._next()))

    def _next(self) -> str:
        """Where to go after the login: the page that was asked for; never anywhere else."""
        wanted = self.get_argument("next", "/app")
        return wanted if _NEXT.fullmatch(wanted) else "/app"


class LogoutHandler(_OwnOriginOnly):
    """Asks before it ends a login, so that no foreign page can."""

    def get(self) -> None:
        self.write(_LOGOUT.render(done=False))

    def post(self) -> None:
        self.require_own_origin()
        self.logins.end(login_of(self) or "")
        self.clear_cookie(COOKIE)
        self.write(_LOGOUT.render(done=True))
