"""Run page: settings, start / pause / resume / stop, live NMI and loss, what happened in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from app.page import bar, empty, html, number, wrap
from app.state import Store
from app.theme import badge
from app.views.curves import Curves
from app.views.form import SettingsForm
from core import runs
from core.errors import TesseraError

_HELP = (
    "<p class='quiet'><b>NMI(t, t-1)</b> compares each clustering with the one before: 0 = nothing in common, 1 = the same. "
    "When it no longer rises, the pseudo-classes have settled. <b>AMI</b> is the same, corrected for chance. "
    "<b>Loss</b> says how well the network predicts the pseudo-classes; it falls within an interval and jumps when they change.</p>"
)


class RunPage(pn.viewable.Viewer):
    """Steers runs; asks the run controller and never works itself."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._form = SettingsForm()
        self._name = pmui.TextInput(
            name="name of the run", placeholder="run-1, run-2, ...", size="small", sizing_mode="stretch_width"
        )
        self._buttons = {
            "start": self._button("Start run", "ts-start", self._start, "contained"),
            "pause": self._button("Pause", "ts-pause", self._asker("pause")),
            "run": self._button("Resume", "ts-resume", self._asker("run")),
            "stop": self._button("Stop", "ts-stop", self._asker("stop")),
        }
        self._choice = pmui.Select(
            name="run", options=store.run_names, value=store.run or None, size="small", width=220
        )
        self._choice.param.watch(self._choose, "value")
        self._message = html()
        self._status, self._events = html(), html()
        self._curves = Curves(store)
        store.param.watch(lambda _: self._draw(), ["current", "run_names"])
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        left = pn.Column(
            html("<h2>New run</h2><p class='quiet'>Hover over a setting's question mark to read what it does.</p>"),
            self._name, self._form, self._buttons["start"], self._message, width=330,
        )  # fmt: skip
        steer = pn.Row(self._choice, self._buttons["pause"], self._buttons["run"], self._buttons["stop"])
        right = pn.Column(steer, self._status, self._curves, html(_HELP), self._events, sizing_mode="stretch_width")
        return pn.Row(left, pn.Spacer(width=24), right, sizing_mode="stretch_width")

    def _button(self, label: str, css: str, act: Callable[[], None], variant: str = "outlined") -> Any:
        button = pmui.Button(name=label, variant=variant, size="small", css_classes=[css])

        async def clicked(_: Any) -> None:
            button.disabled = True
            try:
                await asyncio.to_thread(act)
                self._message.object = wrap("")
            except TesseraError as error:
                self._message.object = wrap(f"<div class='alarm error'>{escape(str(error))}</div>")
            found = await asyncio.to_thread(self._store.read)
            self._store.param.update(**found)
            button.disabled = False
            self._draw()

        button.on_click(clicked)
        return button

    def _start(self) -> None:
        created = runs.create(self._store.workspace, self._form.config(), self._name.value or None)
        runs.launch(self._store.workspace, created.name)
        self._store.run = created.name

    def _asker(self, want: str) -> Callable[[], None]:
        return lambda: runs.request(self._store.workspace, self._store.run, want)

    def _choose(self, event: Any) -> None:
        if event.new and event.new != self._store.run:
            self._store.run = event.new
            self._store.poll()

    def _draw(self) -> None:
        self._choice.param.update(options=self._store.run_names, value=self._store.run or None)
        run: runs.Run | None = self._store.current
        going = run is not None and run.alive and run.state in ("running", "paused", "queued")
        self._buttons["pause"].disabled = not (going and run is not None and run.want == "run")
        self._buttons["run"].disabled = run is None or run.state == "finished" or (going and run.want == "run")
        self._buttons["stop"].disabled = not going
        if run is None:
            text = "Choose settings on the left and press <b>Start run</b>. It trains in a process of its own: you may close this page."
            self._status.object = wrap(empty("No run yet", text))
            self._events.object = wrap("")
            return
        self._status.object = wrap(self._state(run))
        self._events.object = wrap(self._story(run))

    def _state(self, run: runs.Run) -> str:
        share = run.progress if run.state == "running" else 0.0
        top = number(f"{max(run.interval, 0)} / {run.config.epochs}", "intervals done") + number(
            f"{run.n_tiles:,}", "tiles"
        )
        top += number(f"{run.config.clusters}", "clusters") + (number(f"{run.rate:,.0f}/s", "tiles") if share else "")
        words = escape(run.phase) if run.state == "running" else ""
        waits = " (asked to pause)" if run.want == "pause" and run.state == "running" else ""
        return (
            f"<h2>{escape(run.name)} {badge(run.state)}</h2><p class='quiet'>{words}{waits}</p>{bar(share) if share else ''}"
            f"<div class='numbers'>{top}</div>"
        )

    def _story(self, run: runs.Run) -> str:
        found = runs.events(self._store.workspace, run.name, 12)
        body = "".join(f"<div class='alarm {event.level}'>{escape(event.text)}</div>" for event in found)
        if run.state == "failed":
            log = escape(runs.log_tail(self._store.workspace, run.name))
            body = f"<div class='alarm error'>{escape(run.message)}</div><h3>End of its log</h3><pre>{log}</pre>" + body
        return body
