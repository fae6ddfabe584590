"""Work for a page that may take more than a blink: read in a thread, shown when it is there. Callbacks never block."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import panel as pn
from panel.io.state import set_curdoc
from tessera.errors import TesseraError

logger = logging.getLogger(__name__)
T = TypeVar("T")

_POOL = ThreadPoolExecutor(4, thread_name_prefix="tessera-page")


class Latest:
    """Loads for one part of a page; an answer that a newer question has overtaken is dropped.

    Args:
        failed: is told the message of an error, on the page's own thread.
    """

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._failed = failed
        self._asked = 0

    def load(self, read: Callable[[], T], show: Callable[[T], None]) -> None:
        """Call `read` in a thread and `show` with its answer on the page. Outside a server both are called at once."""
        self._asked += 1
        mine = self._asked
        document = pn.state.curdoc
        if document is None:
            show(read())
            return

        def answer(future: Future[T]) -> None:
            def apply() -> None:
                if mine != self._asked:
                    return
                with set_curdoc(document):
                    error = future.exception()
                    if error is None:
                        show(future.result())
                    else:
                        if not isinstance(error, TesseraError):  # those say what to do, and the page shows them
                            logger.error("a page could not be drawn", exc_info=error)
                        self._failed(str(error))

            document.add_next_tick_callback(apply)

        future = _POOL.submit(read)
        # a session that is still being built cannot take answers yet, but the reading goes on meanwhile
        pn.state.onload(lambda: future.add_done_callback(answer))
