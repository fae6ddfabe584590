"""The door: the whole table of routes, and what strangers, viewers and readers get from a real server."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from bokeh.application import Application
from panel.io.server import get_static_routes
from tessera.workspace.people import remove
from tessera_app.http import door, routes
from tessera_app.http.guard import Guard
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.tessera.planted import RUN, Planted, copy_of
from tests.tessera_app.conftest import PASSWORD, ROOT, password_file, serving
from tests.tessera_app.test_routes import ADDRESSES

# one address of each route, in the order of door.OPEN; then what strangers, viewers and readers are answered
PUBLIC = {"/favicon.ico": 200, "/login": 200, "/logout": 200}
PRIVATE = {
    "/": (302, 302),
    "/app": (302, 200),
    "/app/ws": (403, 403),  # asked without a token
    "/static/extensions/panel/panel.min.js": (403, 200),
    "/static/js/bokeh.min.js": (403, 200),
    **{f"/{address}": (403, 200) for address in ADDRESSES},
}
CLOSED = [
    "/components/venv.__main__/x/css/y",
    "/components/tessera_app.components.panel/EmbeddingMap/_css/x",
    "/app/metadata",
    "/app/autoload.js?bokeh-autoload-element=1",
    "/app/static/js/bokeh.min.js",
    "/app/t/5",
    "/admin",
    "/liveness",
    "/rest/session_info",
    "/nothing",
]


class Visitor:
    """Asks one server; keeps the cookie of its login."""

    def __init__(self, port: int, name: str = "") -> None:
        self.port, self.cookie = port, ""
        if name:
            code, headers, _ = self.post("/login", username=name, password=PASSWORD)
            assert code == 302, name
            self.cookie = headers["Set-Cookie"].split(";")[0]

    def get(
        self, address: str, method: str = "GET", body: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("localhost", self.port, timeout=60)
        about = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, address, body, {**({"Cookie": self.cookie} if self.cookie else {}), **about})
        answer = connection.getresponse()
        found = answer.status, dict(answer.headers), answer.read()
        connection.close()
        return found

    def post(
        self, address: str, headers: dict[str, str] | None = None, **form: str
    ) -> tuple[int, dict[str, str], bytes]:
        kind = {"Content_Type": "application/x-www-form-urlencoded"}
        return self.get(address, "POST", urlencode(form), **kind, **(headers or {}))

    def token(self) -> str:
        found = re.search(rb'"token":"([^"]+)"', self.get("/app")[2].replace(b"&quot;", b'"'))
        assert found is not None
        return found.group(1).decode()


@pytest.fixture(scope="module")
def cohort(planted_once: Planted, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    planted = copy_of(planted_once, tmp_path_factory.mktemp("door") / "workspace")
    planted.workspace.run_folder(RUN).save_projection(2, np.zeros((planted.n, 2), np.float32))
    return planted


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people") / "people.json"
    return password_file(path, osler="viewer", cushing="reader", virchow="owner", gone="owner")


@pytest.fixture(scope="module")
def port(cohort: Planted, passwords: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    servers = serving(tmp_path_factory.mktemp("servers"))
    start: Any = next(servers)
    page: str = start(cohort.workspace.root, "--basic-auth", str(passwords))
    yield int(page.split(":")[2].split("/")[0])
    next(servers, None)


def test_the_table_of_a_server_holds_what_is_listed_and_nothing_else() -> None:
    routes.install()
    server = door.Server({"/app": Application()}, extra_patterns=get_static_routes({}))
    table = [rule.matcher.regex.pattern.removesuffix("$") for rule in server.wildcard_router.rules]
    assert sorted(set(table) | {"/login", "/logout"}) == sorted(route.pattern for route in door.OPEN)
    assert all(issubclass(rule.target, Guard) for rule in server.wildcard_router.rules)
    assert [rule.target.public for rule in server.wildcard_router.rules].count(True) == 1  # the icon


def test_the_addresses_here_are_one_of_each_route() -> None:
    routes.install()
    hit = [
        next(i for i, route in enumerate(door.OPEN) if re.fullmatch(route.pattern, at)) for at in (*PUBLIC, *PRIVATE)
    ]
    assert hit == list(range(len(door.OPEN)))


@pytest.mark.slow
def test_every_route_asks_for_the_login_and_the_rest_are_closed(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    people = [Visitor(port), Visitor(port, "osler"), Visitor(port, "cushing")]
    found = {at: tuple(who.get(at)[0] for who in people) for at in (*PUBLIC, *PRIVATE, *CLOSED)}
    lines = [f"{'route':<60}{'no login':>9}{'viewer':>9}{'reader':>9}"]
    lines += [f"{at:<60}" + "".join(f"{code:>9}" for code in codes) for at, codes in found.items()]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert {at: found[at] for at in PUBLIC} == {at: (code,) * 3 for at, code in PUBLIC.items()}
    assert {at: found[at] for at in PRIVATE} == {at: (out, inside, inside) for at, (out, inside) in PRIVATE.items()}
    assert {at: found[at] for at in CLOSED} == dict.fromkeys(CLOSED, (404, 404, 404))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_nothing_but_the_login_takes_anything(port: int, method: str) -> None:
    reader = Visitor(port, "cushing")
    assert {reader.get(at, method)[0] for at in PRIVATE if at not in ("/app/ws",)} <= {405, 403}


@pytest.mark.slow
def test_every_answer_forbids_framing_and_foreign_scripts(port: int) -> None:
    reader = Visitor(port, "cushing")
    for address in (*PUBLIC, *PRIVATE, *CLOSED):
        headers = reader.get(address)[1]
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["frame-ancestors"] == policy["object-src"] == "'none'", address
        assert policy["form-action"] == "'self'"
        assert "'unsafe-inline'" not in policy["script-src"]
        allowed = {word for words in policy.values() for word in words.split() if not word.startswith("'nonce-")}
        assert not {word for word in allowed if "ws" in word or "http" in word or "*" in word}, address
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.slow
def test_scripts_of_the_page_carry_the_number_of_their_answer(port: int) -> None:
    _, headers, page = Visitor(port, "cushing").get("/app")
    number = re.search(r"'nonce-([\w-]+)'", headers["Content-Security-Policy"])
    assert number is not None
    scripts = re.findall(rb"<script[^>]*>", page)
    assert len(scripts) > 3
    assert all(number.group(1).encode() in script for script in scripts)


@pytest.mark.slow
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "localhost@evil.example"]
)
def test_a_foreign_host_name_is_refused(port: int, host: str) -> None:
    assert Visitor(port).get("/login", Host=host)[0] == 400


@pytest.mark.slow
def test_the_login_takes_forms_of_its_own_page_only(port: int) -> None:
    form = {"username": "cushing", "password": PASSWORD}
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        code, found, _ = Visitor(port).post("/login", headers, **form)
        assert code == 403
        assert "Set-Cookie" not in found
    assert Visitor(port).post("/login", {"Origin": f"http://localhost:{port}"}, **form)[0] == 302


@pytest.mark.slow
@pytest.mark.parametrize(
    "wanted",
    ["///evil.example", "//evil.example", "http://evil.example", "/\\evil.example", "/app/../..//x", "/app?\r\nX: y"],
)
def test_the_login_leads_to_the_page_and_nowhere_else(port: int, wanted: str) -> None:
    form = {"username": "cushing", "password": PASSWORD}
    code, headers, _ = Visitor(port).post("/login?" + urlencode({"next": wanted}), **form)
    assert (code, headers["Location"]) == (302, "/app")
    assert Visitor(port).post("/login", **form, next="/app?page=2&cluster=3")[1]["Location"] == "/app?page=2&cluster=3"


@pytest.mark.slow
def test_cookies_are_kept_from_scripts_and_foreign_pages_and_from_the_token(port: int) -> None:
    reader = Visitor(port)
    cookie = reader.post("/login", username="cushing", password=PASSWORD)[1]["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    reader.cookie = cookie.split(";")[0]
    body = reader.token().split(".")[0]
    payload = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert reader.cookie.split("=", 1)[1].encode() not in payload
    assert b"tessera_login" not in payload


@pytest.mark.slow
def test_a_logged_out_cookie_and_a_removed_person_get_nothing(port: int, passwords: Path) -> None:
    reader, gone = Visitor(port, "cushing"), Visitor(port, "gone")
    assert (reader.get("/t/5")[0], gone.get("/t/5")[0]) == (200, 200)
    assert reader.post("/logout", {"Origin": "http://evil.example"})[0] == 403
    assert reader.get("/t/5")[0] == 200
    assert reader.post("/logout")[0] == 200
    remove(passwords, "gone")
    assert (reader.get("/t/5")[0], gone.get("/t/5")[0]) == (403, 403)


@pytest.mark.slow
@pytest.mark.parametrize(
    "cookie", ['user="virchow"', "is_guest=1", "tessera_login=virchow", 'tessera_login="2|1:0|x|y|z"']
)
def test_a_made_up_cookie_opens_nothing(port: int, cookie: str) -> None:
    assert Visitor(port).get("/t/5", Cookie=cookie)[0] == 403


def _join(port: int, token: str, cookie: str) -> int:
    """HTTP code of joining a page session over the websocket; 101 = joined."""

    async def connect() -> int:
        headers = {"Cookie": cookie} if cookie else {}
        request = HTTPRequest(f"ws://localhost:{port}/app/ws", headers=headers)
        try:
            (await websocket_connect(request, subprotocols=["bokeh", token])).close()
        except HTTPClientError as error:
            return error.code
        return 101

    return asyncio.run(connect())


@pytest.mark.slow
def test_a_viewer_who_knows_the_session_of_an_owner_does_not_become_the_owner(port: int) -> None:
    owner, viewer = Visitor(port, "virchow"), Visitor(port, "osler")
    token = owner.token()
    body = token.split(".")[0]
    session = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["session_id"]
    assert _join(port, token, viewer.cookie) == 403
    assert _join(port, token, "") == 403
    assert viewer.get(f"/app?bokeh-session-id={session}")[0] == 403
    assert viewer.get(f"/app?bokeh-token={token}")[0] == 403
    assert viewer.get("/app", Bokeh_Session_Id=session)[0] == 403
    assert _join(port, token, owner.cookie) == 101
    assert _join(port, viewer.token(), viewer.cookie) == 101


@pytest.mark.slow
def test_a_thousand_wrong_passwords_are_slowed_down(cohort: Planted, passwords: Path, tmp_path: Path) -> None:
    servers = serving(tmp_path)
    start: Any = next(servers)
    page: str = start(cohort.workspace.root, "--basic-auth", str(passwords))
    visitor = Visitor(int(page.split(":")[2].split("/")[0]))
    codes = [visitor.post("/login", username="virchow", password=f"guess {i}")[0] for i in range(1000)]
    assert codes[:5] == [401] * 5
    assert codes.count(401) < 25  # looked at; all others were refused unseen
    assert visitor.post("/login", username="virchow", password=PASSWORD)[0] == 429
    next(servers, None)


@pytest.mark.slow
def test_five_thousand_idle_sockets_keep_nobody_out(port: int) -> None:
    reader, idle = Visitor(port, "cushing"), []
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    try:
        for _ in range(5000):
            idle.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        assert reader.get("/t/5")[0] == 200
    finally:
        for found in idle:
            found.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "readable", "plain"])
def test_the_server_does_not_start_with_a_password_file_that_it_cannot_use(
    cohort: Planted, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "people.json"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("" if kind == "empty" else '{"osler": "plain"}')
        path.chmod(0o644 if kind == "readable" else 0o600)
    command = [sys.executable, "-m", "panel", "serve", str(ROOT / "app"), "--port", "0", "--basic-auth", str(path)]
    ended = subprocess.run(
        [*command, "--cookie-secret", "x"], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert ended.returncode == 1
    assert "password file" in ended.stderr
    assert "Traceback" not in ended.stderr
