"""Sockets that do nothing cost nothing for long: they end, the oldest first, and the log does not fill up."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate
from tornado.iostream import IOStream

IDLE_S = 60
SILENT = 256  # sockets that have said nothing yet
LINES_A_MINUTE = 20  # of one kind in the log
_LOGGERS = ("tornado.access", "tornado.application", "tornado.general", "asyncio", "bokeh.server")


class BoundedServer(HTTPServer):
    """An HTTP server that ends idle sockets; of those that never said anything it keeps the newest."""

    def initialize(self, *words: Any, **settings: Any) -> None:
        self._silent: OrderedDict[IOStream, None] = OrderedDict()
        super().initialize(*words, **{"idle_connection_timeout": IDLE_S, "body_timeout": IDLE_S} | settings)

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        self._silent[stream] = None
        stream.set_close_callback(lambda: self._silent.pop(stream, None))
        while len(self._silent) > SILENT:
            self._silent.popitem(last=False)[0].close()
        super().handle_stream(stream, address)

    def start_request(self, server_conn: Any, request_conn: Any) -> HTTPMessageDelegate:
        return _Heard(super().start_request(server_conn, request_conn), self._silent, request_conn.stream)


class _Heard(HTTPMessageDelegate):
    """Passes a request on, and notes that its socket has said something."""

    def __init__(self, inner: HTTPMessageDelegate, silent: OrderedDict[IOStream, None], stream: IOStream) -> None:
        self._inner, self._silent, self._stream = inner, silent, stream

    def headers_received(self, start_line: Any, headers: Any) -> Any:
        self._silent.pop(self._stream, None)
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._inner.finish()

    def on_connection_close(self) -> None:
        self._inner.on_connection_close()


class Seldom(logging.Filter):
    """Lets a message of one kind through so many times a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key, now = (record.name, str(record.msg)), time.monotonic()
        since, number = self._seen.get(key, (now, 0))
        if now - since > 60:
            since, number = now, 0
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[key] = (since, number + 1)
        return number < LINES_A_MINUTE


def quieten_logs() -> None:
    """Limit the lines of the server's loggers; may be called again."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(found, Seldom) for found in logger.filters):
            logger.addFilter(Seldom())
