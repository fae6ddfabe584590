"""One front-end component by itself in a browser page, with the model that anywidget and Panel would hand to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tessera_app.components.properties import Table

FRONTEND = Path(__file__).resolve().parents[2] / "app" / "tessera_app" / "frontend"
HOME = "http://localhost/"
_PAGE = """<body style="margin:0"><div id="here" style="width:WIDTHpx;height:HEIGHTpx"></div><script type="module">
import component from "./dist/BUNDLE.js";
const values = VALUES, heard = {};
window.model = {
  get: (key) => values[key],
  set: (key, value) => { values[key] = value; for (const tell of heard[`change:${key}`] ?? []) tell(); },
  on: (what, tell) => (heard[what] ??= []).push(tell), off: () => {}, save_changes: () => {}, send: () => {},
};
window.stop = component.render({ model: window.model, el: document.getElementById("here") });
</script></body>"""
_EMPTY = {"bytes": ""}


def open_component(page: Any, bundle: str, table: Table, values: dict[str, Any], files: dict[str, bytes]) -> None:
    """Render a component, 400 x 440 px, with the values of its table and files at addresses of the page."""
    begin = {key: _EMPTY.get(one.kind, one.start) for key, one in table.items()}
    text = _PAGE.replace("BUNDLE", bundle).replace("VALUES", json.dumps({**begin, **values}))
    serve_sources(page, text.replace("WIDTH", "400").replace("HEIGHT", "440"), files)


def serve_sources(page: Any, text: str = "<body></body>", files: dict[str, bytes] | None = None) -> None:
    """Open a page whose scripts may import from the front end's folder."""

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(HOME).split("?")[0]
        if path in (files or {}):
            route.fulfill(content_type="application/octet-stream", body=(files or {})[path])
        elif path.endswith(".js"):
            route.fulfill(content_type="text/javascript", body=(FRONTEND / path).read_bytes())
        elif path:
            route.fulfill(status=404, body="")
        else:
            route.fulfill(content_type="text/html", body=text)

    page.route(f"{HOME}**", answer)
    page.goto(HOME)
