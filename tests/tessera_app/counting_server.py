"""`panel serve` with one more route, /live, that says how many sessions' objects are alive. Run by test_sessions.py."""

from __future__ import annotations

import gc
import sys

sys.path.pop(0)  # this folder has one named http, which would stand before Python's own

from bokeh.document import Document
from bokeh.server import urls
from panel.command import main
from tessera_app.http import door
from tornado.web import RequestHandler


class Live(RequestHandler):
    """Stores and documents that the garbage collector cannot free."""

    def get(self) -> None:
        from tessera_app.store import Store

        gc.collect()
        alive = gc.get_objects()
        stores = sum(isinstance(found, Store) for found in alive)
        self.write({"stores": stores, "documents": sum(isinstance(found, Document) for found in alive)})


urls.toplevel_patterns.append((r"/live", Live))
door.allow(r"/live")
sys.exit(main(["panel", *sys.argv[1:]]))
