"""Live curves: new points are streamed to the browser, at most once a second."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from tessera.runs import control
from tessera.runs.figures import Metric

from tessera_app.latest import Latest
from tessera_app.page import html, term
from tessera_app.store import Store
from tessera_app.theme import FONT, GREEN, INK, LINE, QUIET, ROSE, VIOLET

FEW = 60  # points up to which each is drawn as a dot too
MAX_POINTS = 5_000  # older losses are thinned out beyond, so that a long run does not weigh on the page
_AGREEMENT = {"nmi": "NMI", "ami": "AMI", "ami_labels": "AMI with the true labels"}
_LIGHT = {"nmi": VIOLET, "ami": GREEN, "ami_labels": ROSE, "loss": VIOLET, "line": LINE, "text": QUIET, "legend": INK}
_DARK = {
    "nmi": "#b3a4f0",
    "ami": "#4cc3a2",
    "ami_labels": "#e58ab5",
    "loss": "#b3a4f0",
    "line": "#3a3a48",
    "text": "#a9adc0",
    "legend": "#e6e5ef",
}


class Curves(pn.viewable.Viewer):
    """Agreement per interval and loss per step of the run that is looked at."""

    visible = param.Boolean(True)

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._sources = {name: ColumnDataSource({"x": [], "y": []}) for name in (*_AGREEMENT, "loss")}
        self._run, self._last = "", 0.0
        self._loads = Latest(lambda _: None)  # the status beside the curves says what is wrong
        self._agreement = _figure("interval")
        self._agreement.y_range.start, self._agreement.y_range.end = 0, 1.02
        self._agreement.xaxis.ticker.min_interval = 1
        self._drawn: list[tuple[str, Any]] = []  # name of a curve and what draws it
        for name, label in _AGREEMENT.items():
            source = self._sources[name]
            self._drawn += [
                (name, self._agreement.line("x", "y", source=source, line_width=2, legend_label=label)),
                (name, self._agreement.scatter("x", "y", source=source, size=7, legend_label=label)),
            ]
        legend = self._agreement.legend[0]
        legend.border_line_color = legend.background_fill_color = None
        legend.orientation, legend.padding, legend.margin = "horizontal", 0, 0
        self._agreement.add_layout(legend, "above")  # inside, it would lie on one curve or another
        legend.label_text_font_size, legend.label_text_font = "12px", FONT
        self._items = dict(zip(_AGREEMENT, legend.items, strict=True))
        self._loss = _figure("training step")
        self._drawn.append(("loss", self._loss.line("x", "y", source=self._sources["loss"], line_width=1.6)))
        self._dots = self._loss.scatter(
            "x", "y", source=self._sources["loss"], size=6
        )  # a line of one point is nothing
        self._drawn.append(("loss", self._dots))
        titles = (
            f"<h3>How much clusterings agree: {term('NMI', 'NMI and AMI')}</h3>",
            f"<h3>Does it learn? {term('loss', 'loss')}</h3>",
        )
        self._plots = [
            pn.Column(
                html(title), pn.pane.Bokeh(plot, sizing_mode="stretch_width", height=250), sizing_mode="stretch_width"
            )
            for title, plot in zip(titles, (self._agreement, self._loss), strict=True)
        ]
        self._paint()
        store.param.watch(lambda *_: pn.state.execute(self._paint, schedule=True), "dark")
        store.param.watch(lambda *_: self.update(), ["current", "run"])
        self.update()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Row(*self._plots, sizing_mode="stretch_width", css_classes=["ts-curves"], visible=self.param.visible)

    def _paint(self) -> None:
        colours = _DARK if self._store.dark else _LIGHT
        for name, renderer in self._drawn:
            for attribute in ("line_color", "fill_color"):
                if hasattr(renderer.glyph, attribute):
                    setattr(renderer.glyph, attribute, colours[name])
        self._agreement.legend[0].label_text_color = colours["legend"]
        for plot in (self._agreement, self._loss):
            plot.grid.grid_line_color = colours["line"]
            for axis in plot.axis:
                axis.axis_line_color = axis.major_tick_line_color = colours["line"]
                axis.major_label_text_color = axis.axis_label_text_color = colours["text"]

    def points(self, name: str) -> list[tuple[float, float]]:
        """What a curve shows now, (x, y)."""
        data = self._sources[name].data
        return list(zip(data["x"], data["y"], strict=True))

    def update(self) -> None:
        """Ask for what the worker has written since the last look."""
        if self._store.run != self._run:
            self._run, self._last = self._store.run, 0.0
            for source in self._sources.values():
                source.data = {"x": [], "y": []}
            self._offer()
        if self._run:
            run, last = self._run, self._last
            self._loads.load(lambda: (run, control.metrics(self._store.workspace, run, last)), self._show)

    def _show(self, answer: tuple[str, list[Metric]]) -> None:
        run, fresh = answer
        if run != self._run or not fresh or fresh[-1].time <= self._last:
            return
        self._last = fresh[-1].time
        for name, source in self._sources.items():
            new = {float(m.step if name == "loss" else m.interval): m.value for m in fresh if m.name == name}
            if new:
                _extend(source, new)
        self._offer()

    def _offer(self) -> None:
        """Show what has points: a run without figures, queued or failed, shows none and not those of another."""
        lengths = {name: len(source.data["x"]) for name, source in self._sources.items()}
        for name, item in self._items.items():
            item.visible = lengths[name] > 0
        self._dots.visible = lengths["loss"] <= FEW
        self._plots[0].visible = any(lengths[name] for name in _AGREEMENT)
        self._plots[1].visible = lengths["loss"] > 0


def _extend(source: ColumnDataSource, new: dict[float, float]) -> None:
    """Stream new points; a resumed run measures some again, and its old points are replaced."""
    x, y = list(new), list(new.values())
    known = list(source.data["x"])
    if known and min(x) <= known[-1]:
        merged = dict(sorted((dict(zip(known, source.data["y"], strict=True)) | new).items()))
        x, y, known = list(merged), list(merged.values()), []
        source.data = {"x": [], "y": []}
    if len(known) + len(x) > MAX_POINTS:
        x, y = known + x, list(source.data["y"]) + y if known else y
        keep = np.unique(np.linspace(0, len(x) - 1, MAX_POINTS // 2).astype(int))
        source.data = {"x": [x[i] for i in keep], "y": [y[i] for i in keep]}
        return
    source.stream({"x": x, "y": y})


def _figure(x_label: str) -> Any:
    plot = figure(x_axis_label=x_label, height=250, sizing_mode="stretch_width", toolbar_location=None, tools="")
    plot.outline_line_color = plot.background_fill_color = plot.border_fill_color = None
    plot.min_border_right = 14
    for axis in plot.axis:
        axis.minor_tick_line_color = None
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.axis_label_text_font_style = "normal"
    return plot
