"""A stand-in of the Hugging Face hub on loopback: open and gated repositories, slow files, connections that break."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PIECE = 16_384


@dataclass
class Faults:
    """How the next answers go wrong.

    Attributes:
        breaks: connections that end after half of what was asked for.
        piece_s: seconds that each piece of a file takes.
    """

    breaks: int = 0
    piece_s: float = 0.0


@dataclass
class Hub:
    """Repositories as folders `root/OWNER/NAME`.

    Attributes:
        root: where they are.
        gated: repositories that want the token.
        token: which one opens them.
        asked: method, path and Range of each request.
    """

    root: Path
    gated: set[str] = field(default_factory=set)
    token: str = "hf_standin"
    faults: Faults = field(default_factory=Faults)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                _answer(self, hub, body=False)

            def do_GET(self) -> None:
                _answer(self, hub, body=True)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


def _answer(request: BaseHTTPRequestHandler, hub: Hub, *, body: bool) -> None:
    wanted = request.headers.get("Range", "")
    hub.asked.append((request.command, request.path, wanted))
    repository, _, rest = request.path.lstrip("/").partition("/resolve/")
    file = hub.root / repository / rest.partition("/")[2]
    if not (hub.root / repository).is_dir():
        return _refuse(request, 404, "RepoNotFound")
    if repository in hub.gated and request.headers.get("Authorization") != f"Bearer {hub.token}":
        return _refuse(request, 403, "GatedRepo")
    if not file.is_file():
        return _refuse(request, 404, "EntryNotFound")
    data = file.read_bytes()
    start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
    request.send_response(206 if start else 200)
    request.send_header("X-Repo-Commit", COMMIT)
    request.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
    request.send_header("Content-Length", str(len(data) - start))
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    request.end_headers()
    if body:
        _send(request, hub.faults, data[start:])
    return None


def _send(request: BaseHTTPRequestHandler, faults: Faults, data: bytes) -> None:
    broken = faults.breaks > 0 and len(data) > _PIECE
    faults.breaks -= broken
    for at in range(0, len(data) // 2 if broken else len(data), _PIECE):
        time.sleep(faults.piece_s)
        request.wfile.write(data[at : at + _PIECE])
    if broken:
        request.close_connection = True
        request.connection.close()


def _refuse(request: BaseHTTPRequestHandler, code: int, word: str) -> None:
    request.send_response(code)
    request.send_header("X-Error-Code", word)
    request.send_header("Content-Length", "0")
    request.end_headers()
