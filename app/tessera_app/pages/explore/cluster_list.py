"""The table of clusters: sortable, one contact sheet a row; a click opens a cluster, the name is edited in place."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import panel as pn
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.decisions.state import State
from tessera.errors import TesseraError
from tessera.explore.palette import colour
from tessera.workspace.people import Role

from tessera_app import access
from tessera_app.latest import Latest
from tessera_app.page import TERMS, alarm, html, waiting
from tessera_app.pages.explore.facts import ONE_SLIDE, table_of
from tessera_app.store import Store
from tessera_app.theme import FONT, TABLE_CSS

_TITLES = {
    "tiles": "Typical tiles",
    "number": "No.",
    "name": "Name",
    "mark": "Kind",
    "size": "Tiles",
    "spread": "Spread",
    "stability": "Stable",
    "top": "Top source",
}
_TIPS = {
    "tiles": "the tiles nearest to the centre",
    "name": "click to name; everybody who looks at this workspace sees it",
    "mark": "tissue, artefact, mixed or don't know: marked in the open cluster",
    "spread": TERMS["spread"],
    "stability": TERMS["stability"],
    "top": "Share of the slide with most of its tiles; then of the patient and the hospital, where names tell them. "
    + TERMS["biggest slide"],
}
_MARKS = {"tissue": "tissue", "artefact": "artefact", "mixed": "mixed", "unknown": "don't know"}
_WIDTHS = {"tiles": 172, "number": 56, "mark": 72, "size": 68, "spread": 72, "stability": 72, "top": 92}
_SOURCES = ("slide", "patient", "site")
_FILTERS = {
    "name": {"type": "input", "func": "like", "placeholder": "find a name"},
    "mark": {
        "type": "list",
        "func": "=",
        "values": {"": "all", **{mark: mark for mark in _MARKS.values()}},
        "placeholder": "all",
    },
}
_ROW_PX, _PAGE = 48, 8


class ClusterList(pn.viewable.Viewer):
    """Clusters of the clustering that is looked at."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        # built when there are rows: Tabulator raises in the browser when an empty, hidden table gets its first data
        self._box = pn.Column(sizing_mode="stretch_width")
        self._table: pn.widgets.Tabulator | None = None
        self._loads = Latest(lambda text: setattr(self._box, "objects", [html(alarm(text))]))
        store.param.watch(lambda *_: self._load(), ["shown", "names_version"])
        store.param.watch(lambda *_: self._mark(), "cluster")
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._box

    def _load(self) -> None:
        clustering = self._store.clustering()
        if clustering is None:
            self._box.objects, self._table = [], None
            return
        if self._table is None:
            self._box.objects = [html(waiting("Reading the clusters…"))]
        sheets, version, decided = (
            f"sheet/{clustering.run}/{clustering.interval}",
            self._store.edits(),
            self._store.decided(),
        )
        self._loads.load(lambda: _rows(table_of(clustering), decided, sheets, version), self._show)

    def _show(self, rows: pd.DataFrame) -> None:
        if self._table is None:
            self._table = self._build(rows)
            self._box.objects = [self._table]
        else:
            self._table.value = rows
        self._mark()

    def _build(self, rows: pd.DataFrame) -> pn.widgets.Tabulator:
        table = pn.widgets.Tabulator(
            rows,
            show_index=False,
            hidden_columns=["cluster"],
            titles=_TITLES,
            widths=_WIDTHS,
            formatters={name: {"type": "html"} for name in ("tiles", "spread", "stability", "top")},
            editors={name: {"type": "input"} if name == "name" else None for name in _TITLES},
            header_tooltips=_TIPS,
            header_filters=_FILTERS,
            pagination="local",
            page_size=_PAGE,
            layout="fit_columns",
            height=_ROW_PX * _PAGE + 164,
            sizing_mode="stretch_width",
            selectable=1,
            css_classes=["ts-clusters"],
            row_height=_ROW_PX,
            theme="simple",
            stylesheets=[TABLE_CSS],
            text_align={"name": "left", **dict.fromkeys(("number", "size", "spread", "stability", "top"), "right")},
        )
        table.on_click(self._clicked)
        table.on_edit(self._edited)
        return table

    def _mark(self) -> None:
        """Select the row of the open cluster."""
        if self._table is None:
            return
        found = [i for i, cluster in enumerate(self._table.value["cluster"]) if cluster == self._store.cluster]
        if self._table.selection != found:
            self._table.selection = found

    def _clicked(self, event: Any) -> None:
        if event.column != "name" and self._table is not None:
            self._store.cluster = int(self._table.value["cluster"].iloc[event.row])

    def _edited(self, event: Any) -> None:
        clustering = self._store.clustering()
        if event.column != "name" or clustering is None or self._table is None:
            return
        cluster = int(self._table.value["cluster"].iloc[event.row])
        try:
            access.require(Role.READER)
            name_cluster(
                self._store.workspace,
                clustering.run,
                clustering.interval,
                cluster,
                str(event.value or ""),
                author=self._store.who(),
            )
        except TesseraError as error:
            pn.state.notifications.error(str(error))
        self._store.poll()


def _rows(table: pd.DataFrame, decided: State, sheets: str, version: str) -> pd.DataFrame:
    """The table as it is shown; names may hold any text, cells of plain columns are escaped by the table itself."""
    ids = table["cluster"].tolist()
    shown = pd.DataFrame(
        {
            "tiles": [
                f"<img loading='lazy' height='{_ROW_PX - 8}' style='border-left:7px solid {colour(i)};border-radius:4px' "
                f"src='{escape(sheets)}/{i}?v={version}' alt='tiles of cluster {i}'>"
                for i in ids
            ],
            "cluster": ids,
            "number": [decided.number(i).rjust(5, chr(0x2007)) for i in ids],  # sorts as numbers do
            "name": [decided.names.get(i, "") for i in ids],
            "mark": [_MARKS.get(decided.marks.get(i, ""), "") for i in ids],
            "size": table["size"],
            "spread": [_number(value) for value in table["compactness"]],
            "stability": [_number(value) for value in table["stability"]],
            "top": _sources(table),
        }
    )
    return shown[["cluster", *_TITLES]]


def _number(value: float) -> str:
    """A cell whose text sorts as its number does."""
    return "–" if value != value else f"{value:.2f}"


def _sources(table: pd.DataFrame) -> list[str]:
    """Shares of the biggest slide, patient and site of each cluster, sorted by the first; what is known of none is left out."""
    shares = table[[f"top_{kind}_share" for kind in _SOURCES]].to_numpy()
    several = table["top_slide"].nunique() > 1
    return [
        " · ".join(
            _share(share, kind, warn=several and share >= ONE_SLIDE)
            for kind, share in zip(_SOURCES, row, strict=True)
            if share == share
        )
        for row in shares
    ]


def _share(share: float, kind: str, *, warn: bool) -> str:
    style = f"font:600 13px {FONT};color:var(--warn)" if warn else ""
    text = f"{share:.0%}".rjust(
        4 if kind == _SOURCES[0] else 0, chr(0x2007)
    )  # what comes first sorts as its number does
    return f"<span style='{style}' title='of the biggest {kind}'>{text}</span>"
