"""Export page: choose classes, write them as a tile set in the background."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from app.page import empty, html, wrap
from app.state import Store
from app.theme import badge
from core.background import start_command
from core.curate.export import FORMATS, slug

_WHICH = {"named clusters": None, "all clusters": "all"}


class ExportPage(pn.viewable.Viewer):
    """Exports of the run that is looked at."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._which = pmui.Select(
            name="which clusters", options=list(_WHICH), size="small", width=260, css_classes=["ts-which"]
        )
        self._format = pmui.Select(name="format", options=list(FORMATS), size="small", width=260)
        self._folder = pmui.TextInput(
            name="name of the new folder", value="tile-set", size="small", width=260, css_classes=["ts-folder"],
            description="made in the folder exports of the workspace; never overwritten",
        )  # fmt: skip
        self._go = pmui.Button(name="Export", size="small", variant="contained", css_classes=["ts-export"])
        self._go.on_click(self._clicked)
        self._plan, self._list, self._message = html(), html(), html()
        store.param.watch(lambda _: self._draw(), ["exports", "names_version", "shown", "activities"])
        self._which.param.watch(lambda _: self._draw(), "value")
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        form = pn.Column(
            html("<h2>New tile set</h2>"), self._which, self._format, self._folder, self._go, self._message, width=330
        )
        return pn.Row(form, pn.Spacer(width=24), pn.Column(self._plan, self._list, sizing_mode="stretch_width"))

    def _clicked(self, _: Any) -> None:
        folder = self._store.workspace.root / "exports" / slug(self._folder.value_input or self._folder.value)
        if folder.exists():
            text = f"{folder.name} exists already: exports never overwrite, choose another name"
            self._message.object = wrap(f"<div class='alarm error'>{escape(text)}</div>")
            return
        folder.parent.mkdir(exist_ok=True)
        which = _WHICH[self._which.value]
        words = ["export", self._store.run, "--to", str(folder), "--format", self._format.value]
        words += ["--clusters", which] if which else []
        words += ["--author", self._store.author] if self._store.author else []
        start_command(self._store.workspace, *words)
        self._message.object = wrap(f"<p class='quiet'>writing {escape(folder.name)} ...</p>")

    def _draw(self) -> None:
        view = self._store.view()
        self._go.disabled = view is None
        if view is None:
            self._plan.object = wrap(empty("Nothing to export yet", "Start a run and name some of its clusters."))
        else:
            self._plan.object = wrap(self._counts())
        with self._store.workspace.ledger.read() as connection:
            rows = connection.execute("SELECT * FROM export ORDER BY id DESC LIMIT 20").fetchall()
        body = "".join(
            f"<tr class='ts-export-row'><td>{time.strftime('%Y-%m-%d %H:%M', time.localtime(row['time']))}</td><td>{badge(row['state'])}</td>"
            f"<td>{row['n_tiles']:,} tiles</td><td>{escape(row['format'])}</td><td>{escape(row['path'])} {escape(row['message'])}</td></tr>"
            for row in rows
        )
        self._list.object = wrap(f"<h3>Tile sets</h3><table class='plain'>{body}</table>" if rows else "")

    def _counts(self) -> str:
        """What would be written, by name."""
        view = self._store.view()
        assert view is not None
        named, counts = self._store.names(), dict(zip(view.ids.tolist(), view.sizes.tolist(), strict=True))
        classes: dict[str, int] = {}
        for cluster, size in counts.items():
            if cluster in named or _WHICH[self._which.value] == "all":
                name = named.get(cluster, f"cluster-{cluster}")
                classes[name] = classes.get(name, 0) + size
        if not classes:
            return empty(
                "No cluster has a name yet",
                "Name clusters on the Explore page; those are exported, or choose all clusters.",
            )
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{size:,}</td></tr>" for name, size in sorted(classes.items()))
        return (
            f"<h3>{sum(classes.values()):,} tiles in {len(classes)} classes</h3><p class='quiet'>Clusters of one name become one class. "
            f"A manifest with checksums and a provenance file are written beside the tiles.</p><table class='plain'>{rows}</table>"
        )
