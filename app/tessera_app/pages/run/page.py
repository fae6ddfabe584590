"""Run page: settings, start / pause / resume / stop, live NMI and loss, what happened in words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera.errors import TesseraError
from tessera.runs import control, process
from tessera.runs.rows import Run
from tessera.runs.text import summarise_events
from tessera.workspace.people import Role

from tessera_app import access
from tessera_app.latest import Latest
from tessera_app.page import alarm, bar, duration, empty, html, number, term, wrap
from tessera_app.pages.run.curves import Curves
from tessera_app.pages.run.evaluation import evaluation_html
from tessera_app.pages.run.facts import RunFacts, read_all, read_run, trains
from tessera_app.pages.run.form import SettingsForm
from tessera_app.pages.run.forming import Forming
from tessera_app.pages.run.presets import Preset, presets, time_words
from tessera_app.store import Store
from tessera_app.theme import badge

_FIRST = (
    "Choose on the left how long it may take, and press <b>Start</b>.<br>It works in a process of its own: you may "
    "close this page "
    "and come back."
)


class RunPage(pn.viewable.Viewer):
    """Steers runs; asks the run controller and never works itself."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._form, self._presets = SettingsForm(), presets()
        self._preset = pmui.RadioButtonGroup(
            options=[preset.name for preset in self._presets],
            value=self._presets[0].name,
            size="small",
            orientation="vertical",
            sizing_mode="stretch_width",
            css_classes=["ts-preset"],
        )
        self._preset.param.watch(lambda *_: self._choose_preset(), "value")
        self._means = html(css_classes=["ts-preset-words"])
        self._known: list[Run] = []
        self._name = pmui.TextInput(
            label="name of the run",
            placeholder="run-1, run-2, … if empty",
            size="small",
            sizing_mode="stretch_width",
            css_classes=["ts-run-name"],
        )
        self._start = self._button("Start", "ts-start", self._start_run, "contained")
        self._steer = {
            "pause": self._button("Pause", "ts-pause", self._asker("pause")),
            "run": self._button("Resume", "ts-resume", self._asker("run")),
            "stop": self._button("Stop", "ts-stop", self._asker("stop")),
        }
        self._choice = pmui.Select(label="run", size="small", width=220, css_classes=["ts-run-choice"], visible=False)
        self._choice.param.watch(self._choose, "value")
        self._message, self._status, self._events, self._all = html(), html(css_classes=["ts-status"]), html(), html()
        self._worth = html(css_classes=["ts-evaluation"])
        self._curves, self._forming = Curves(store), Forming(store)
        self._loads = Latest(lambda text: setattr(self._status, "object", wrap(alarm(text))))
        self._lists = Latest(lambda text: setattr(self._all, "object", wrap(alarm(text))))
        store.param.watch(lambda *_: self._draw(), ["current", "run_names"])
        store.param.watch(lambda *_: self._explain(), "cohort")
        self._choose_preset()
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        advanced = pmui.Accordion(
            ("Advanced", pn.Column(self._form, sizing_mode="stretch_width")),
            active=[],
            sizing_mode="stretch_width",
            title_variant="subtitle2",
            css_classes=["ts-more-settings"],
        )
        left = pn.Column(
            html("<h2>New run</h2>"),
            self._preset,
            self._means,
            self._name,
            self._start,
            self._form.changed,
            self._message,
            advanced,
            width=310,
        )
        steer = pn.Row(self._choice, *self._steer.values())
        right = pn.Column(
            steer,
            self._status,
            self._forming,
            self._worth,
            self._curves,
            self._events,
            self._all,
            sizing_mode="stretch_width",
        )
        return pn.Row(left, pn.Spacer(width=28), right, sizing_mode="stretch_width")

    def _button(self, label: str, css: str, act: Callable[[], str | None], variant: str = "outlined") -> Any:
        """A button whose act runs in a thread; it may answer with the name of a new run."""
        button = pmui.Button(label=label, variant=variant, css_classes=[css], disabled=variant == "outlined")

        async def clicked(_: Any) -> None:
            button.disabled = True
            try:
                access.require(Role.OWNER)
                created = await asyncio.to_thread(act)
                self._message.object = wrap("")
                if created:
                    self._store.param.update(run=created, interval=-1)
                self._store.publish(await asyncio.to_thread(self._store.read))
            except TesseraError as error:
                self._message.object = wrap(alarm(str(error)))
            finally:
                self._start.disabled = False
                self._draw()

        button.on_click(clicked)
        return button

    def _choose_preset(self) -> None:
        self._form.preset(self._chosen().settings)
        self._explain()

    def _chosen(self) -> Preset:
        return next(preset for preset in self._presets if preset.name == self._preset.value)

    def _explain(self) -> None:
        """What the chosen way does, and how long it takes here."""
        chosen = self._chosen()
        time_ = time_words(chosen, self._known, self._store.workspace.n_tiles())
        self._means.object = wrap(f"<p class='quiet'>{escape(chosen.words)}<br><b>{escape(time_)}</b></p>")

    def _start_run(self) -> str:
        name = (self._name.value_input or self._name.value or "").strip()
        created = control.create(self._store.workspace, self._form.config(), name or None)
        process.launch(created)
        return created.name

    def _asker(self, what: str) -> Callable[[], None]:
        return lambda: control.request(self._store.workspace, self._store.run, what)

    def _choose(self, event: Any) -> None:
        if event.new and event.new != self._store.run:
            self._store.param.update(run=event.new, interval=-1)

    def _draw(self) -> None:
        run: Run | None = self._store.current
        self._choice.param.update(
            options=self._store.run_names, value=self._store.run or None, visible=len(self._store.run_names) > 1
        )
        going = run is not None and run.alive and run.state in ("running", "paused", "queued")
        asked_to_run = run is not None and run.requested == "run"
        self._steer["pause"].disabled = not (going and asked_to_run)
        self._steer["run"].disabled = run is None or run.state == "finished" or (going and asked_to_run)
        self._steer["stop"].disabled = not going
        for button in self._steer.values():
            button.visible = run is not None and run.state != "finished"
        self._curves.visible = run is not None
        if run is None:
            self._status.object = wrap(empty("No run yet", _FIRST))
            self._events.object = self._worth.object = self._all.object = wrap("")
            return
        chosen = run
        self._loads.load(lambda: read_run(chosen), self._show)
        self._lists.load(lambda: read_all(self._store.workspace), self._list)

    def _show(self, facts: RunFacts) -> None:
        self._status.object = wrap(_status(facts))
        self._events.object = wrap(_story(facts))
        self._worth.object = wrap(evaluation_html(facts.run.name, facts.evaluation) if facts.run.interval >= 0 else "")

    def _list(self, found: list[tuple[Run, float | None]]) -> None:
        self._all.object = wrap(_table(found) if len(found) > 1 else "")
        self._known = [run for run, _ in found]
        self._explain()


def _status(facts: RunFacts) -> str:
    run = facts.run
    going = run.state == "running" and run.alive
    words = _words(facts)
    numbers = ""
    if trains(run):
        numbers += number(f"{max(run.interval, 0)} of {run.epochs}", term("interval", "intervals done"))
    if "nmi" in facts.last:
        numbers += number(f"{facts.last['nmi']:.3f}", term("NMI", "NMI with the interval before"))
    if "loss" in facts.last:
        numbers += number(f"{facts.last['loss']:.3f}", term("loss"))
    if "clusters" in facts.last or run.settings is not None:
        count = facts.last.get("clusters") or run.config.clustering.clusters
        numbers += number(f"{int(count)}", term("cluster", "clusters"))
    numbers += number(f"{run.n_tiles:,}", "tiles")
    if going and run.rate:
        numbers += number(f"{run.rate:,.0f}", "tiles a second")
    if facts.left_s is not None:
        numbers += number(f"about {duration(facts.left_s)}", "left")
    settled = (
        f"<p class='ts-settled'><b>Do the clusters settle?</b> {escape(facts.settled)}</p>" if run.interval >= 0 else ""
    )
    return (
        f"<h2>{escape(run.name)} {badge(run.state)}</h2><p class='quiet'>{words}"
        f"</p>{bar(run.progress) if going else ''}"
        f"<div class='numbers'>{numbers}</div>{settled}"
    )


def _words(facts: RunFacts) -> str:
    """What the run is doing, in a sentence."""
    run = facts.run
    if run.state == "queued":
        return "Its process is starting; the first figures appear after one pass over all tiles."
    if run.requested != "run" and run.alive and run.state == "running":
        return f"Asked to {run.requested}: it saves and does so after the present step."
    if run.state == "running":
        return f"Interval {run.interval + 1} of {run.epochs}: {escape(run.phase or 'starting')}"
    if run.state == "paused":
        return "Paused; it keeps its place. Resume continues at once."
    if run.state == "stopped":
        return "Stopped after saving. Resume continues from there."
    if run.state == "finished":
        ended = time.strftime("%d %b, %H:%M", time.localtime(run.finished)) if run.finished else ""
        took = f" after {duration(run.finished - run.started)}" if run.finished and run.started else ""
        return f"Finished {ended}{took}. Its clusters are on the Explore page."
    return "Resume continues from the last save."


def _story(facts: RunFacts) -> str:
    body = alarm(facts.run.problem) if facts.run.problem else ""
    if facts.run.state == "failed":
        log = f"<h3>End of its log</h3><pre class='ts-log'>{escape(facts.log)}</pre>" if facts.log else ""
        body += alarm(facts.run.message) + log
    said = "".join(alarm(text, level) for level, text in summarise_events(facts.events))
    return body + (f"<h3>What happened</h3>{said}" if said else "")


def _table(found: list[tuple[Run, float | None]]) -> str:
    rows = "".join(
        f"<tr><td><a href='?page=1&run={escape(run.name)}'>{escape(run.name)}</a></td><td>{badge(run.state)}</td>"
        f"<td class='n'>{run.settings.clustering.clusters if run.settings else '?'}</td>"
        f"<td class='n'>{max(run.interval, 0)} of {run.epochs}</td>"
        f"<td class='n'>{'–' if nmi is None else f'{nmi:.3f}'}</td>"
        f"<td>{escape(run.settings.encoder.name if run.settings else run.problem)}</td>"
        f"<td>{time.strftime('%d %b %H:%M', time.localtime(run.created))}</td></tr>"
        for run, nmi in found
    )
    return (
        "<h3>All runs</h3><table class='plain ts-runs'><tr><th>run</th><th>state</th><th class='n'>clusters</th>"
        "<th class='n'>intervals</th>"
        f"<th class='n'>NMI</th><th>encoder</th><th>made</th></tr>{rows}</table>"
    )
