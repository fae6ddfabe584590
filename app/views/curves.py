"""Live curves: one poll a second, new points streamed to the browser."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from app.state import Store
from app.theme import BLUE, GREEN, ORANGE
from core import runs

_ROLLOVER = 20_000
_LINES = {"nmi": ("NMI(t, t-1)", BLUE), "ami": ("AMI(t, t-1)", GREEN)}


class Curves(pn.viewable.Viewer):
    """Agreement per interval and loss per step of the run that is looked at."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._sources = {name: ColumnDataSource({"x": [], "y": []}) for name in ("nmi", "ami", "loss")}
        self._run, self._last = "", 0.0
        self._seen: set[tuple[str, int, int]] = set()
        self._agreement = _figure("agreement of clusterings", "interval")
        for name, (label, colour) in _LINES.items():
            self._agreement.line("x", "y", source=self._sources[name], color=colour, line_width=2, legend_label=label)
            self._agreement.scatter("x", "y", source=self._sources[name], color=colour, size=7)
        self._agreement.legend.location = "bottom_right"
        self._loss = _figure("loss", "training step")
        self._loss.line("x", "y", source=self._sources["loss"], color=ORANGE, line_width=2)
        store.param.watch(lambda _: self.update(), ["current", "run"])
        self.update()

    def __panel__(self) -> pn.viewable.Viewable:
        plots = [pn.pane.Bokeh(plot, sizing_mode="stretch_width", height=260) for plot in (self._agreement, self._loss)]
        return pn.Row(*plots, sizing_mode="stretch_width", css_classes=["ts-curves"])

    def update(self) -> None:
        """Stream what the worker has written since the last look."""
        if self._store.run != self._run:
            self._run, self._last = self._store.run, 0.0
            self._seen = set()
            for source in self._sources.values():
                source.data = {"x": [], "y": []}
        if not self._run:
            return
        fresh = runs.metrics(self._store.workspace, self._run, self._last)
        if not fresh:
            return
        self._last = fresh[-1].time
        for name, source in self._sources.items():
            points = [m for m in fresh if m.name == name and (m.name, m.interval, m.step) not in self._seen]
            self._seen |= {(m.name, m.interval, m.step) for m in points}
            if points:
                x = [m.step if name == "loss" else m.interval for m in points]
                source.stream({"x": x, "y": [m.value for m in points]}, rollover=_ROLLOVER)


def _figure(title: str, x_label: str) -> Any:
    plot = figure(title=title, x_axis_label=x_label, height=260, sizing_mode="stretch_width", toolbar_location=None)
    plot.outline_line_color = None
    plot.grid.grid_line_color = "#e4e8ee"
    if x_label == "interval":
        plot.y_range.start, plot.y_range.end = 0, 1.02
        plot.xaxis.ticker.min_interval = 1
    return plot
