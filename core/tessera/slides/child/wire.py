"""Messages between a process and its child: a JSON header and raw buffers. Never pickle.

What a poisoned child says is data.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 20  # bytes in passage: fewer, longer pieces
_MOST_HEADER, _MOST_BUFFER = 1 << 26, 1 << 33  # bytes; a child that claims more has lost its mind

Buffers = list[bytes]


class Wire:
    """One end of the pipe. `send` may be called by several threads, `receive` by one.

    Args:
        end: a connected stream socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        for side in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, side, _CHUNK)
        self._lock = threading.Lock()

    def send(self, header: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Write one message.

        Raises:
            OSError: the other end is gone.
        """
        data = json.dumps({**header, "sizes": [len(one) for one in buffers]}).encode()
        with self._lock:
            self._socket.sendall(_LENGTH.pack(len(data)) + data)
            for one in buffers:
                self._socket.sendall(one)

    def receive(self) -> tuple[dict[str, Any], Buffers]:
        """Read one message.

        Raises:
            EOFError: the other end is gone.
            ValueError: what came is no message.
            TimeoutError: nothing came within the socket's timeout.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > _MOST_HEADER:
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(self._exactly(length))
        sizes = header.pop("sizes")
        if sum(sizes) > _MOST_BUFFER:
            raise ValueError(f"buffers of {sum(sizes)} bytes")
        return header, [self._exactly(size) for size in sizes]

    def wait(self, seconds: float | None) -> None:
        """Let `receive` wait at most so long; None waits for ever."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        chunks: list[bytes] = []
        while size:
            try:
                chunk = self._socket.recv(min(size, _CHUNK))
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise EOFError
            chunks.append(chunk)
            size -= len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)
