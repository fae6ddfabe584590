"""The child itself: `python -m tessera.slides.child.serve FD`.

Does one task after the other until its parent is gone.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import queue
import resource
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tessera.errors import SlideError
from tessera.slides.child.wire import Buffers, Wire

logger = logging.getLogger(__name__)

Answer = tuple[dict[str, Any], Sequence[bytes]]
Task = Callable[[dict[str, Any], "Host"], Answer]


class Host:
    """What a task may use in its child.

    Args:
        wire: to the parent.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def pool(self, threads: int) -> ThreadPoolExecutor:
        """Threads that stay from task to task; 0 makes one for each core."""
        n = threads or len(os.sched_getaffinity(0))
        if n not in self._pools:
            self._pools[n] = ThreadPoolExecutor(n, "cut")
        return self._pools[n]

    def tell(self, header: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """A word on the way, before the answer."""
        self._wire.send({"kind": "word", **header}, buffers)


def main(words: list[str]) -> None:
    """Serve the socket whose descriptor is the first word."""
    sys.stdout = sys.stderr  # nothing but messages goes to the parent
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core of gigabytes for each poisoned slide helps nobody
    wire = Wire(socket.socket(fileno=int(words[0])))
    requests: queue.SimpleQueue[tuple[dict[str, Any], Buffers]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(wire, requests), daemon=True).start()
    host = Host(wire)
    while True:
        request, _ = requests.get()
        try:
            _answer(request, host, wire)
        except OSError:
            os._exit(1)  # the parent does not listen any more


def _listen(wire: Wire, requests: queue.SimpleQueue[tuple[dict[str, Any], Buffers]]) -> None:
    """Take requests; when the parent is gone, so is the child, whatever it does at that moment."""
    try:
        while True:
            requests.put(wire.receive())
    except (EOFError, OSError, ValueError):
        os._exit(0)


def _answer(request: dict[str, Any], host: Host, wire: Wire) -> None:
    _allow(int(request.get("memory", 0)))
    module, _, function = str(request["task"]).partition(":")
    try:
        task: Task = getattr(importlib.import_module(module), function)
        header, buffers = task(request["arguments"], host)
        wire.send({"kind": "done", "answer": header}, buffers)
    except MemoryError:
        wire.send({"kind": "memory"})
    except SlideError as error:
        wire.send({"kind": "error", "error": type(error).__name__, "reason": error.reason})
    except Exception as error:
        if isinstance(error, OSError) and error.__traceback__ is None:
            raise
        logger.warning("%s failed", request["task"], exc_info=True)
        text = f"cannot be read: {type(error).__name__}: {error}"
        wire.send({"kind": "error", "error": "SlideError", "reason": text[:500]})


def _allow(memory: int) -> None:
    """Let this process take `memory` more bytes of address space than it has when idle; 0 sets no limit."""
    if not memory:
        return
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_taken() + memory, hard))


def _taken() -> int:
    """Bytes of address space of this process when it is first asked."""
    global _BASE
    if _BASE is None:
        try:
            with open("/proc/self/statm") as stream:  # noqa: PTH123
                _BASE = int(stream.read().split()[0]) * resource.getpagesize()
        except OSError:
            _BASE = 1 << 30
    return _BASE


_BASE: int | None = None

if __name__ == "__main__":
    main(sys.argv[1:])
