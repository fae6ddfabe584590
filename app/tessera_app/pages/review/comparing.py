"""The same tiles clustered in other ways: where methods agree, how many clusters each finds, how steady each is."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from tessera.config import CLUSTERERS, ClusteringConfig, settings
from tessera.workspace.activity import Activity

from tessera_app.latest import Latest
from tessera_app.page import alarm, html, term, waiting, wrap
from tessera_app.store import PAGES, Store

_WHAT = (
    "clustered in another way without training: a few minutes instead of hours. A class that several methods find is "
    "more likely "
    "to be there. Each clustering can be explored, named and exported like any run. How far a method agrees with "
    "itself on these "
    "features says what agreement between methods to expect; few large clusters agree easily."
)
_SHOWN = 12  # clusterings in the matrix, the newest
_ITSELF = {"drift": "moved a little", "bootstrap": "tiles drawn anew", "seed": "other seed"}


class Comparing(pn.viewable.Viewer):
    """A form for a new clustering, and the agreement of all that are there, which is read while somebody looks."""

    active = param.Boolean(False)

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._names: list[str] = []
        small: dict[str, Any] = {"size": "small"}
        self._how = pmui.Select(
            label="method",
            options=list(CLUSTERERS),
            value="rcc",
            width=200,
            description=settings(ClusteringConfig)["clusterer"].help,
            css_classes=["ts-anew-method"],
            **small,
        )
        self._k = pmui.IntInput(
            label="clusters (0: it finds out)", value=0, start=0, width=210, css_classes=["ts-anew-k"], **small
        )
        self._go = pmui.Button(label="Cluster again", variant="contained", css_classes=["ts-anew"], **small)
        self._measure = pmui.Button(
            label="Measure their stability", variant="outlined", css_classes=["ts-measure-stability"], **small
        )
        self._go.on_click(self._start)
        self._measure.on_click(self._start_measuring)
        self._since = time.time()  # older failures are not ours to tell
        self._what, self._note, self._table = html(), html(), html(css_classes=["ts-agreement"])
        self._open = pn.FlexBox(align_items="center", gap="6px", margin=(4, 10))
        self._loads = Latest(lambda text: setattr(self._table, "object", wrap(alarm(text))))
        store.param.watch(lambda *_: self._draw(), ["shown", "run_names", "activities", "failures"])
        self.param.watch(lambda *_: self._draw(), "active")
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(
            self._what,
            pn.Row(self._how, self._k, self._go),
            self._note,
            self._table,
            self._open,
            self._measure,
            sizing_mode="stretch_width",
        )

    def _draw(self) -> None:
        current, doing = self._store.current, self._store.activities
        if current is None or current.interval < 0:
            return
        clustering = [item for item in doing if item.kind == "cluster" and item.run == current.name]
        measuring = [item for item in doing if item.kind == "stability"]
        ready = current.state == "finished"
        self._go.disabled, self._measure.disabled = bool(clustering) or not ready, bool(measuring)
        if clustering or measuring:
            self._note.object = wrap("<p class='quiet'>This is being computed; it appears here when it is ready.</p>")
        elif not ready:
            self._note.object = wrap(
                alarm(f"{current.name} is {current.state}: it can be clustered again when it is finished.", "info")
            )
        else:
            failures = [item for item in self._store.failures if item.updated >= self._since]
            self._note.object = wrap(_failure(failures, current.name))
        self._what.object = wrap(f"<p class='quiet'>The features of <b>{escape(current.name)}</b>, {_WHAT}</p>")
        workspace, run = self._store.workspace, current.name

        if not self.active:
            return
        if not self._names:
            self._table.object = wrap(waiting("Comparing the clusterings…"))

        def read() -> dict[str, Any]:
            from tessera.learn.evaluate.compare import comparable, compare  # scikit-learn takes seconds to load

            return compare(workspace, comparable(workspace, run)[-_SHOWN:])

        self._loads.load(read, self._show)

    def _show(self, found: dict[str, Any]) -> None:
        self._table.object = wrap(_matrix(found))
        if found["runs"] != self._names:
            self._names = found["runs"]
            self._open.objects = [
                html("<span class='quiet'>Look at</span>", sizing_mode=None),
                *[self._opener(name) for name in self._names],
            ]

    def _opener(self, name: str) -> pmui.Button:
        button = pmui.Button(label=name, size="small", variant="text", margin=0)
        button.on_click(lambda _: self._store.param.update(run=name, interval=-1, page=PAGES.index("explore")))
        return button

    def _start(self, _: Any) -> None:
        k = ["--clusters", str(self._k.value)] if self._k.value else []
        self._since = time.time()
        self._go.disabled = self._store.start("cluster", self._store.run, "--with", self._how.value, *k)

    def _start_measuring(self, _: Any) -> None:
        self._since = time.time()
        self._measure.disabled = self._store.start("compare", *self._names, "--stability")


def _failure(failures: list[Activity], run: str) -> str:
    """The newest failure of a clustering of this run or of a measurement."""
    failed = [item for item in failures if item.kind == "stability" or (item.kind == "cluster" and item.run == run)]
    return alarm(f"The last attempt failed: {failed[0].message}") if failed else ""


def _matrix(found: dict[str, Any]) -> str:
    """One row a clustering.

    Sizes, agreement with each other one in colour, agreement with itself where it was measured.
    """
    names, steady = found["runs"], bool(found["stability"])
    numbers = "".join(f"<th class='n' title='{escape(name)}'>{i}</th>" for i, name in enumerate(names, 1))
    itself = "".join(f"<th class='n'>{words}</th>" for words in _ITSELF.values()) if steady else ""
    rows = ""
    for i, (name, values) in enumerate(zip(names, found["ami"], strict=True), 1):
        sizes = found["sizes"][name]
        cells = "".join(
            "<td class='n' style='padding:5px 12px;background:color-mix(in srgb, var(--violet) "
            f"{55 * max(0, value):.0f}%, var(--paper))'>{round(value, 2) + 0.0:.2f}</td>"
            if j != i
            else "<td class='n quiet'>–</td>"
            for j, value in enumerate(values, 1)
        )
        own = found["stability"].get(name, {})
        measured = "".join(f"<td class='n'>{own[kind]:.2f}</td>" if own else "<td class='n'>–</td>" for kind in _ITSELF)
        rows += (
            f"<tr><td class='n'>{i}</td><td>{escape(name)}</td><td class='n'>{sizes['clusters']:,.0f}</td>"
            f"<td class='n'>{sizes['largest_share']:.0%}</td>{cells}{measured if steady else ''}</tr>"
        )
    over = f"<th class='n' colspan='{len(_ITSELF)}'>{term('AMI')} of the method with itself</th>" if steady else ""
    return (
        "<table class='plain' style='width:auto'><tr><th colspan='4'></th>"
        f"<th class='n' colspan='{len(names)}'>{term('AMI')} with</th>{over}</tr>"
        f"<tr><th></th><th>clustering</th><th class='n'>clusters</th><th class='n'>largest</th>{numbers}{itself}"
        f"</tr>{rows}</table>"
    )
