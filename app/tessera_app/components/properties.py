"""What Python and the browser tell each other about each component, once.

Panel and ipywidgets are both made from these tables.

`panel_class` makes the class for the dashboard, `widget_class` that for notebooks; both wrap the same bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DIST = Path(__file__).parents[1] / "frontend" / "dist"

Kind = Literal["text", "bytes", "list", "dict", "whole", "number", "flag"]
_EMPTY: dict[Kind, Any] = {"text": "", "bytes": b"", "list": [], "dict": {}, "whole": 0, "number": 0.0, "flag": False}


@dataclass(frozen=True)
class Property:
    """One value that both sides know.

    Attributes:
        kind: what it holds; bytes travel as binary on both ways, HTTP and the kernel's.
        doc: what it means, with its unit.
        default: where it begins; None = empty or zero.
    """

    kind: Kind
    doc: str
    default: Any = None

    @property
    def start(self) -> Any:
        """The default, or what is empty of its kind."""
        return _EMPTY[self.kind] if self.default is None else self.default


Table = dict[str, Property]

TILES: Table = {
    "tile_url": Property("text", "address of a tile without its number; empty asks Python through `wanted`"),
    "picked": Property("whole", "tile that was clicked, -1 = none", -1),
    "wanted": Property("list", "tiles whose pictures the browser asks for"),
    "images": Property("dict", "their pictures, number to data URL"),
}
_CLUSTERS: Table = {
    "ids": Property("list", "cluster ids in the order of colours"),
    "colours": Property("list", "#rrggbb of each id; empty = it has no name"),
    "shapes": Property("list", "of each id: 0 dot or plain, 1 square or hatched, 2 triangle or dotted, 3 cross"),
    "names": Property("list", "name of each id, empty = none"),
    "labels": Property("list", "what each id is called where there is room: its name, or No. 7"),
    "numbers": Property("list", "short number of each id, shown where it has no name"),
}
EMBEDDING_MAP: Table = {
    **TILES,
    **_CLUSTERS,
    "url": Property("text", "relative address of the points"),
    "data": Property("bytes", "the points themselves, where there is no address"),
    "values_url": Property("text", "relative address of what colours the tiles, empty = their clusters do"),
    "values": Property("bytes", "the same, where there is no address"),
    "entries": Property("list", "label, colour and shape of each value"),
    "ramp": Property("list", "least and largest value in words, where values are shades of a number"),
    "colour_options": Property("list", "what can colour the map: (value, words)"),
    "colour_by": Property("text", "which of them does", "name"),
    "labelled": Property("text", "labels on the map: names, pictures or none", "names"),
    "highlight": Property("whole", "cluster that is open, drawn in ink over the others; -1 = none", -1),
    "compared": Property("list", "clusters that are compared with it, drawn hollow"),
    "polygon": Property("list", "lasso in map coordinates"),
    "carded": Property("flag", "whether the map itself says what a lasso holds", True),
    "held": Property("dict", "what the lasso holds: n tiles, and parts as (label, n)"),
    "seen": Property("list", "window: x, y in the middle and zoom; empty = the whole map"),
    "height_px": Property("whole", "height; 0 fills what it lies in", 500),
    "point_size": Property("number", "diameter of a point, px; 0 = by their number", 0.0),
    "most": Property("whole", "points drawn at a time; what they cover is left out first", 300_000),
    "dark": Property("flag", "whether the page is dark"),
}
TILE_GALLERY: Table = {
    **TILES,
    "rows": Property("list", "dicts of title, help and ids"),
    "chosen": Property("list", "tiles that were chosen to do something with"),
    "side_px": Property("whole", "largest shown size of a tile", 128),
}
SLIDE_VIEWER: Table = {
    **TILES,
    **_CLUSTERS,
    "slide": Property("dict", "what is shown, see tessera_app.pages.slide.facts.SlideFacts.about; no id = nothing"),
    "cells_url": Property("text", "relative address of its clusters and tiles, empty = none"),
    "cells": Property("bytes", "the same, where there is no address"),
    "hidden": Property("list", "clusters that are not painted"),
    "opened": Property("list", "clusters whose tiles are outlined"),
    "opacity": Property("number", "how strongly clusters are painted, 0-1", 0.5),
    "goto": Property("dict", "slide: id, box: x, y, width, height to show, slide pixels"),
    "seen": Property("dict", "slide and box that somebody moved to, slide width = 1"),
    "failed": Property("whole", "grows when a part of the slide could not be read"),
    "pieces_wanted": Property("dict", "names of slide tiles that the browser asks for, where there is no address"),
    "pieces": Property("dict", "their pictures, name to data URL"),
    "height_px": Property("whole", "height; 0 fills what it lies in", 680),
    "dark": Property("flag", "whether the page is dark"),
}
CLUSTER_SWITCHES: Table = {
    "rows": Property("list", "dicts of ids, name, colour, shape, n tiles, and perhaps picture and named"),
    "choosing": Property("flag", "whether they are chosen to do something with, and not painted"),
    "hidden": Property("list", "clusters that are switched off"),
    "chosen": Property("whole", "cluster that is open", -1),
    "height_px": Property("whole", "largest height of the list; 0 fills what it lies in", 480),
    "dark": Property("flag", "whether the page is dark"),
}
TOP_BAR: Table = {
    "pages": Property("list", "titles of the pages"),
    "page": Property("whole", "number of the page that is shown"),
    "runs": Property("list", "dicts of name and state, oldest first"),
    "run": Property("text", "run that is looked at"),
    "clusterings": Property("list", "dicts of interval and title of that run"),
    "interval": Property("whole", "clustering that is looked at", -1),
    "progress": Property("dict", "clusters, named, share of tiles named, parts: [colour, share]"),
    "doing": Property("text", "work that is going on, in words"),
    "author": Property("text", "who reads"),
    "login": Property("flag", "whether the reader is known by a password and cannot be another one"),
    "may_change": Property("flag", "whether the reader may decide", True),
    "dark": Property("flag", "whether the page is dark"),
    "help": Property("whole", "grows when somebody asks for the keys"),
    "address": Property("text", "query that the address of the page shall have"),
    "went": Property("dict", "n and search: the query that Back or Forward led to"),
    "arrived": Property("whole", "n of the last of them that is looked at: until then the address is left alone"),
}
WORKBENCH: Table = {
    "source": Property("dict", "run, interval and version, of which addresses of figures are made; {} = no clusters"),
    "decided": Property("dict", "names, marks, notes and colours, see tessera_app.pages.explore.decided"),
    "cluster": Property("whole", "cluster that is open, -1 = none", -1),
    "tile": Property("whole", "tile that is marked", -1),
    "slide": Property("whole", "slide that is shown", -1),
    "compared": Property("list", "clusters that are compared with the open one"),
    "asks": Property("list", "decisions that wait for an answer, each with its number n"),
    "answered": Property("dict", "n: all up to it are answered; errors by n, said, open: cluster to go to"),
    "lasso": Property("dict", "tiles inside the lasso: n, mix, help, tiles, slides; {} = none is drawn"),
    "let_go": Property("whole", "grows when the lasso is let go"),
    "visit": Property("whole", "grows when somebody asks to see the marked tile on its slide"),
    "help": Property("whole", "grows when somebody asks for the keys"),
    "empty": Property("dict", "title, text, button and help where there are no clusters"),
    "note": Property("dict", "text, button, busy and over of the map"),
    "dark": Property("flag", "whether the page is dark"),
}


def panel_class(name: str, bundle: str, table: Table, children: tuple[str, ...] = (), **defaults: Any) -> Any:
    """A Panel component of a bundle.

    Args:
        name: of the class.
        bundle: of `frontend/dist`, without its ending.
        table: what it and the browser tell each other.
        children: other components that it makes room for.
        defaults: where some properties begin on the dashboard.

    Raises:
        KeyError: a default that the table does not know.
    """
    import param
    from panel.custom import AnyWidgetComponent, Child

    makers = {
        "text": param.String,
        "bytes": param.Bytes,
        "list": param.List,
        "dict": param.Dict,
        "whole": param.Integer,
        "number": param.Number,
        "flag": param.Boolean,
    }
    begin = _begin(table, defaults)
    made = {key: makers[one.kind](begin[key], doc=one.doc) for key, one in table.items()}
    made |= {child: Child(doc="a component of its own") for child in children}
    about = {"__module__": __name__, "__doc__": f"See frontend/src/{bundle}.js.", "_esm": DIST / f"{bundle}.js"}
    return type(name, (AnyWidgetComponent,), {**about, **made})


def widget_class(name: str, bundle: str, table: Table, **defaults: Any) -> Any:
    """An ipywidget of a bundle; arguments as of `panel_class`."""
    import anywidget
    import traitlets

    makers = {
        "text": traitlets.Unicode,
        "bytes": traitlets.Bytes,
        "list": traitlets.List,
        "dict": traitlets.Dict,
        "whole": traitlets.Int,
        "number": traitlets.Float,
        "flag": traitlets.Bool,
    }
    begin = _begin(table, defaults)
    made = {}
    for key, one in table.items():
        maker = makers[one.kind]
        made[key] = (maker(default_value=begin[key], help=one.doc)).tag(sync=True)
    about = {"__module__": __name__, "__doc__": f"See frontend/src/{bundle}.js.", "_esm": DIST / f"{bundle}.js"}
    return type(name, (anywidget.AnyWidget,), {**about, **made})


def _begin(table: Table, defaults: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(defaults) - set(table):
        raise KeyError(f"no such property: {', '.join(sorted(unknown))}")
    return {key: defaults.get(key, one.start) for key, one in table.items()}
