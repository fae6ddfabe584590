"""What every handler is wrapped in: allowed host, login, page sessions that belong to whoever opened them, headers."""

from __future__ import annotations

import ipaddress
import re
import secrets
from typing import Any
from urllib.parse import urlencode

from bokeh.server.util import check_allowlist
from bokeh.server.views.session_handler import SessionHandler
from bokeh.server.views.ws import WSHandler
from bokeh.util.token import generate_session_id, get_session_id
from tornado.web import HTTPError, RequestHandler

from tessera_app.access import ACCESS
from tessera_app.http.login_page import login_of

_SCRIPT = re.compile(r"<script(?=[\s>])")
# Bokeh evaluates templates and Panel compiles components from blobs, so `unsafe-eval` and `blob:` stay; their style
# sheets are
# inline. Scripts in the page carry a number that is new for every answer, so that no other inline script runs.
_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob:; worker-src 'self' blob:; object-src "
    "'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guarded(handler: type[RequestHandler], *, public: bool) -> type[RequestHandler]:
    """A handler behind the door.

    Args:
        handler: of Bokeh, Panel or ours.
        public: whether it answers before the login.
    """
    guard: type[Guard] = Guard
    if issubclass(handler, WSHandler):
        guard = _SocketGuard
    elif issubclass(handler, SessionHandler):
        guard = _PageGuard
    return type(f"Guarded{handler.__name__}", (guard, handler), {"public": public})


class Guard(RequestHandler):
    """Checks a request before its handler sees it, and sets the headers of every answer."""

    public = False

    @property
    def nonce(self) -> str:
        if not hasattr(self, "_nonce"):
            self._nonce = secrets.token_urlsafe(16)
        return self._nonce

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.clear_header("Server")
        self.set_header("Content-Security-Policy", _POLICY.format(nonce=self.nonce))
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        self._check_host()
        self._check_peer()
        login = login_of(self)
        if not self.public and not _is_valid(login):
            self.ask_for_login()
            return
        self.check_session(login or "")
        made = super().prepare()
        if made is not None:
            await made

    def ask_for_login(self) -> None:
        if self.request.path.rstrip("/") != self.application.prefix:
            raise HTTPError(403, "nobody is logged in")
        self.redirect(f"{self.application.prefix}/login")

    def check_session(self, login: str) -> None:
        """Check the page session that the request is about, if it is about one."""

    def _check_host(self) -> None:
        """Only names that this server was told it has: a foreign name that leads here is somebody's trick."""
        host = self.request.host.lower()
        if not _is_this_machine(host) and not check_allowlist(host, list(self.application.websocket_origins)):
            raise HTTPError(400, "the host %r is not a name of this server: see `tessera serve --origin`", host)

    def _check_peer(self) -> None:
        """Without a login, only this machine."""
        address = getattr(getattr(self.request.connection, "context", None), "address", None)
        if ACCESS.logins is None and isinstance(address, tuple) and not _is_this_machine(str(address[0])):
            raise HTTPError(403, "asked from another machine, and there is no password file")


class _PageGuard(Guard):
    """Of handlers that make a page session: a browser cannot choose which one it gets."""

    def ask_for_login(self) -> None:
        self.redirect(f"{self.application.prefix}/login?" + urlencode({"next": self.request.uri}))

    def check_session(self, login: str) -> None:
        _refuse_named_session(self)
        if ACCESS.logins is not None:
            session = generate_session_id(secret_key=self.application.secret_key, signed=True)
            ACCESS.logins.own(session, login)
            self.request.headers["Bokeh-Session-Id"] = session

    async def get(self, *words: str, **names: str) -> None:
        if self.request.path.endswith("/"):  # addresses in the page are relative to the folder that /app lies in
            self.redirect(self.request.path.rstrip("/") + (f"?{self.request.query}" if self.request.query else ""))
            return
        await super().get(*words, **names)

    def write(self, chunk: Any) -> None:
        super().write(_SCRIPT.sub(f"<script nonce={self.nonce}", chunk) if isinstance(chunk, str) else chunk)


class _SocketGuard(Guard):
    """Of the websocket: it joins page sessions of its own login only, and ends with the login."""

    def check_session(self, login: str) -> None:
        _refuse_named_session(self)
        if ACCESS.logins is not None and ACCESS.logins.login_of(_named_session(self)) != login:
            raise HTTPError(403, "a page session of another login")

    async def on_message(self, message: str | bytes) -> None:
        if not self._ended():
            await super().on_message(message)

    async def write_message(self, *message: Any, **about: Any) -> None:
        if not self._ended():
            await super().write_message(*message, **about)

    def _ended(self) -> bool:
        """Whether the login has ended; closes the websocket then."""
        ended = not _is_valid(login_of(self))
        if ended:
            self.close(code=1008, reason="the login has ended")
        return ended


class NotFound(RequestHandler):
    """Answers every address that does not exist."""

    def initialize(self, **_: Any) -> None: ...

    def prepare(self) -> None:
        raise HTTPError(404)


def _is_valid(login: str | None) -> bool:
    return ACCESS.logins is None or ACCESS.logins.name(login) is not None


def _refuse_named_session(handler: RequestHandler) -> None:
    named = any(handler.get_query_arguments(name) for name in ("bokeh-session-id", "bokeh-token"))
    if named or "Bokeh-Session-Id" in handler.request.headers:
        raise HTTPError(403, "the request names the page session that it wants")


def _named_session(handler: RequestHandler) -> str:
    """The page session in the token of a websocket; Bokeh checks the token's signature when it opens."""
    token = handler.request.headers.get("Sec-WebSocket-Protocol", "").split(",")[-1].strip()
    try:
        return str(get_session_id(token))
    except (ValueError, KeyError) as error:
        raise HTTPError(403, "the websocket names no page session") from error


def _is_this_machine(host: str) -> bool:
    """Whether a host, with or without a port, is a loopback name or address."""
    name = re.sub(r":\d+$", "", host) if host.count(":") == 1 or host.startswith("[") else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
