"""A stand-in for the GDC on this machine: catalogue and bytes as documented, and faults on command.

Each request for a slide takes the next fault of its script; without one the answer is right. Everything that was asked
is recorded. Production code talks to it by its base URL only.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import re
import socket
import struct
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE = 16 * 1024
_PROTO = "HTTP/1.1"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    kind: status, html, short, short-no-length, no-length, reset, stall, drip, gzip, wrong-bytes, ignore-range,
    wrong-range, not-satisfiable, too-long, redirect, disposition. `after`: bytes that are sent before it happens.
    """

    kind: str
    code: int = 500
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "internal server error"}'
    to: str = ""


@dataclass
class Asked:
    """One request; `sent` grows with the bytes of its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    sent: int = 0


@dataclass
class Entry:
    hit: dict[str, Any]
    data: bytes


class StandIn:
    """The server. Use as a context manager."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.asked: list[Asked] = []
        self.versions: dict[str, str] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.listing: Callable[[dict[str, Any], int], dict[str, Any]] = lambda answer, _: answer
        self.largest_page = 1_000_000
        self.most_connections = 1_000
        self.active = self.most_active = 0
        self.bytes_per_second = 0.0  # of each connection; 0 is as fast as it goes
        self.link_bytes_per_second = 0.0  # of all together
        self._link_free_at = 0.0
        self.released = threading.Event()  # set at the end: whoever stalls lets go
        self.lock = threading.Lock()
        stand_in = self

        class Handler(_Handler):
            server_state = stand_in

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> StandIn:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def add(
        self, name: str, data: bytes, *, project: str = "TCGA-BRCA", kind: str = "Diagnostic Slide", **about: Any
    ) -> str:
        """Offer a slide; `about` overrides fields of its hit (md5sum, file_size, file_id, cases, ...)."""
        file_id = about.get("file_id") or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{project}/{name}"))
        hit = {
            "id": file_id,
            "file_id": file_id,
            "file_name": name,
            "md5sum": hashlib.md5(data).hexdigest(),
            "file_size": len(data),
            "state": "released",
            "data_type": "Slide Image",
            "experimental_strategy": kind,
            "access": "open",
            "cases": [{"project": {"project_id": project, "program": {"name": project.split("-")[0]}}}],
        }
        hit |= about
        self.entries[file_id] = Entry({key: value for key, value in hit.items() if value is not None}, data)
        return file_id

    def script(self, file_id: str, *faults: Fault) -> None:
        """What goes wrong with the next requests for a slide, or for a path such as /files."""
        self.faults[file_id].extend(faults)

    def pace(self, n: int) -> None:
        """Wait as long as a line of the given rates needs for `n` bytes."""
        wait = n / self.bytes_per_second if self.bytes_per_second else 0.0
        if self.link_bytes_per_second:
            with self.lock:
                now = time.monotonic()
                self._link_free_at = max(now, self._link_free_at) + n / self.link_bytes_per_second
                wait = max(wait, self._link_free_at - now)
        if wait:
            self.released.wait(wait)

    def gets(self, file_id: str) -> list[Asked]:
        """Requests for the bytes of a slide."""
        return [
            one for one in self.asked if one.path.startswith(f"/data/{file_id}") or one.path.startswith(f"/{file_id}/")
        ]

    def moved(self, file_id: str) -> int:
        """Bytes of bodies that were sent for a slide."""
        return sum(one.sent for one in self.gets(file_id))


class _Handler(BaseHTTPRequestHandler):
    server_state: StandIn
    protocol_version = _PROTO
    wbufsize = 0

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._plain(405, b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self._handle(json.loads(self.rfile.read(length) or b"{}"))

    def do_GET(self) -> None:
        self._handle(None)

    def _handle(self, body: Any) -> None:
        state = self.server_state
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.asked = Asked(self.command, self.path, headers, body)
        with state.lock:
            state.asked.append(self.asked)
            state.active += 1
            crowded = state.active > state.most_connections
            state.most_active = max(state.most_active, state.active)
        try:
            with contextlib.suppress(ConnectionError):
                if crowded and self.path.startswith("/data"):
                    self._plain(429, b'{"message": "too many connections"}')
                else:
                    self._route(body)
        finally:
            with state.lock:
                state.active -= 1

    def _route(self, body: Any) -> None:
        state = self.server_state
        match = re.fullmatch(r"/(?:data/)?([^/]+)(?:/[^/]*)?", self.path)
        key = self.path if self.path in ("/files", "/status", "/files/versions") else (match[1] if match else "")
        fault = state.faults[key].popleft() if state.faults[key] else None
        if fault is not None and fault.kind in ("status", "html", "redirect"):
            self._answer_with(fault)
        elif self.path == "/status":
            self._plain(200, json.dumps({"data_release": "Data Release 44.0", "status": "OK"}).encode())
        elif self.path == "/files/versions":
            self._plain(
                200, json.dumps([{"id": one, "latest_id": state.versions.get(one)} for one in body["ids"]]).encode()
            )
        elif self.path == "/files":
            self._files(body)
        elif key in state.entries:
            self._data(state.entries[key], fault)
        else:
            self._plain(404, b'{"message": "the file does not exist"}')

    def _answer_with(self, fault: Fault) -> None:
        if fault.kind == "html":
            self._plain(200, b"<html>we are being maintained</html>", {"Content-Type": "text/html", **fault.headers})
        elif fault.kind == "redirect":
            self._plain(302, b"", {"Location": fault.to})
        else:
            self._plain(fault.code, fault.body, fault.headers)

    def _files(self, body: dict[str, Any]) -> None:
        state = self.server_state
        size, start = int(body.get("size", 10)), int(body.get("from", 0))
        if size > state.largest_page:
            self._plain(504, b"gateway timeout")
            return
        hits = [entry.hit for entry in state.entries.values() if _matches(entry.hit, body.get("filters"))]
        if body.get("sort") == "file_id:asc":
            hits.sort(key=lambda hit: hit["file_id"])
        page = hits[start : start + size]
        answer = {
            "data": {
                "hits": page,
                "pagination": {"count": len(page), "total": len(hits), "size": size, "from": start, "sort": "None"},
            },
            "warnings": {},
        }
        number = sum(one.path == "/files" for one in state.asked) - 1
        self._plain(200, json.dumps(state.listing(answer, number)).encode())

    def _plain(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _data(self, entry: Entry, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        data, whole = entry.data, len(entry.data)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(asked[1]) if asked and kind != "ignore-range" else 0
        if asked and (start >= whole or kind == "not-satisfiable"):
            self._plain(416, b"", {"Content-Range": f"bytes */{whole}"})
            return
        body = data[start:]
        if kind == "wrong-bytes":
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]
        if kind == "too-long":
            body += b"x" * 1000
        if kind == "gzip":
            body = gzip.compress(body)
        self.send_response(206 if asked and kind != "ignore-range" else 200)
        if asked and kind != "ignore-range":
            shown = start + (7 if kind == "wrong-range" else 0)
            self.send_header("Content-Range", f"bytes {shown}-{whole - 1}/{whole}")
        name = "a/b/../" + entry.hit["file_name"] if kind == "disposition" else entry.hit["file_name"]
        self.send_header("Content-Disposition", f"attachment; filename={name}")
        self.send_header("Content-MD5", entry.hit.get("md5sum", ""))
        self.send_header("Content-Type", "application/octet-stream")
        if kind == "gzip":
            self.send_header("Content-Encoding", "gzip")
        if kind in ("no-length", "short-no-length", "too-long"):
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send_body(body, kind, fault.after if fault else 0)

    def _send_body(self, body: bytes, kind: str, after: int) -> None:
        state = self.server_state
        if kind in ("short", "short-no-length", "reset", "stall"):
            self._pieces(body[:after])
            self.close_connection = True
            if kind == "stall":
                state.released.wait(600)
            if kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close() if kind == "reset" else self.connection.shutdown(socket.SHUT_RDWR)
        elif kind == "drip":
            self._pieces(body[:after])
            for i in range(after, len(body)):
                self._pieces(body[i : i + 1])
                if state.released.wait(0.01):
                    break
        else:
            self._pieces(body)

    def _pieces(self, body: bytes) -> None:
        state = self.server_state
        for i in range(0, len(body), _PIECE):
            piece = body[i : i + _PIECE]
            self.wfile.write(piece)
            self.asked.sent += len(piece)
            state.pace(len(piece))


def _matches(hit: dict[str, Any], filters: dict[str, Any] | None) -> bool:
    """Whether a hit passes a filter tree of and, or, in and =."""
    if not filters:
        return True
    op, content = filters["op"], filters["content"]
    if op in ("and", "or"):
        return (all if op == "and" else any)(_matches(hit, part) for part in content)
    value = content["value"]
    wanted = set(value) if isinstance(value, list) else {value}
    return bool(_values(hit, content["field"].removeprefix("files.").split(".")) & wanted)


def _values(node: Any, path: list[str]) -> set[Any]:
    if isinstance(node, list):
        return set().union(*(_values(item, path) for item in node)) if node else set()
    if not path:
        return {node}
    return _values(node[path[0]], path[1:]) if isinstance(node, dict) and path[0] in node else set()
