"""Export page: choose classes, write them as a tile set in the background."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
from tessera import config as configuration
from tessera.config import ExportConfig
from tessera.curate.export.log import list_exports
from tessera.curate.export.plan import class_names, make_plan
from tessera.curate.export.write import FORMATS, slug
from tessera.curate.looks import ClusterLooks, cluster_looks
from tessera.errors import ConfigError, TesseraError
from tessera.explore.clustering import Clustering
from tessera.words import counted

from tessera_app import access
from tessera_app.components.panel import ClusterSwitches
from tessera_app.latest import Latest
from tessera_app.page import alarm, empty, html, waiting, wrap
from tessera_app.pages.slide.facts import rows_of
from tessera_app.store import Store
from tessera_app.theme import badge

_FORMAT_WORDS = {
    "imagefolder": "JPEG files in class folders",
    "parquet": "one Parquet table",
    "webdataset": "WebDataset shards",
    "hf-imagefolder": "Hugging Face image folder",
    "hf-parquet": "Hugging Face Parquet",
    "qupath": "QuPath (GeoJSON)",
}
_FORMAT_NOTES = {
    "qupath": "One file <code>.geojson.gz</code> for each slide, which QuPath opens as it is; the set that a tile is "
    "in stands in its metadata, and in the manifest.",
}
_NO_NAME = "Tick what shall be written. Clusters that get a name on the Explore page are ticked by themselves."


class ExportPage(pn.viewable.Viewer):
    """Exports of the run that is looked at."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        common: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width"}
        self._classes = ClusterSwitches(
            choosing=True, height_px=560, width=440, margin=(4, 10), css_classes=["ts-classes"], dark=store.param.dark
        )
        self._offered: tuple[str, int] = ("", -1)  # run and clustering whose classes are offered
        self._named: set[int] = set()  # clusters that had a name when they were offered
        self._of = html(css_classes=["ts-export-of"])
        words = {_FORMAT_WORDS.get(name, name): name for name in FORMATS}
        self._format = pmui.Select(label="format", options=words, css_classes=["ts-format"], **common)
        about = configuration.settings(ExportConfig)
        self._per_class = pmui.IntInput(
            label="tiles per class (0 = all)",
            value=0,
            start=0,
            description=about["per_class"].help,
            css_classes=["ts-per-class"],
            **common,
        )
        self._val, self._test = (
            pmui.FloatInput(
                label=label,
                value=0.0,
                start=0,
                end=0.9,
                step=0.05,
                description=about[key].help,
                css_classes=[f"ts-{key}"],
                **common,
            )
            for label, key in (("share for validation", "val"), ("share for the test", "test"))
        )
        self._folder = pmui.TextInput(
            label="name of the new folder",
            value="tile-set",
            css_classes=["ts-folder"],
            description="It is made in the folder exports of the workspace; nothing is ever overwritten.",
            **common,
        )
        self._author = pmui.TextInput(label="your name", css_classes=["ts-export-author"], **common)
        self._go = pmui.Button(label="Export", variant="contained", css_classes=["ts-export"])
        self._go.on_click(self._clicked)
        self._plan, self._list, self._message = html(waiting("Counting…")), html(), html()
        self._loads = Latest(lambda text: setattr(self._plan, "object", wrap(alarm(text))))
        store.param.watch(lambda *_: self._draw(), ["exports", "names_version", "shown", "failures"])
        store.param.watch(
            lambda *_: setattr(self._message, "object", wrap("")), ["exports", "failures"]
        )  # it is in the list
        store.param.watch(lambda event: setattr(self._author, "value", event.new), "author")
        self._author.value, self._author.disabled = store.who(), access.has_login()
        self._classes.param.watch(lambda *_: self._draw(), "hidden")
        for widget in (self._format, self._per_class, self._val, self._test):
            widget.param.watch(lambda *_: self._draw(), "value")
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        form = pn.Column(
            html("<h2>New tile set</h2>"),
            self._of,
            self._format,
            self._per_class,
            self._val,
            self._test,
            self._folder,
            self._author,
            self._go,
            self._message,
            width=310,
        )
        right = pn.Column(self._plan, self._list, sizing_mode="stretch_width")
        return pn.Row(form, pn.Spacer(width=20), self._classes, pn.Spacer(width=20), right, sizing_mode="stretch_width")

    def _clicked(self, _: Any) -> None:
        folder = self._store.workspace.root / "exports" / slug(self._folder.value_input or self._folder.value)
        clusters = self._clusters()
        shares = self._shares()
        if wrong := _wrong(shares):
            self._message.object = wrap(alarm(wrong))
        elif clusters == "":
            self._message.object = wrap(alarm("choose at least one cluster"))
        elif folder.exists():
            text = f"{folder.name} exists already: exports never overwrite, choose another name"
            self._message.object = wrap(alarm(text))
        else:
            folder.parent.mkdir(exist_ok=True)
            run, interval, _ = self._store.shown
            words = ["export", run, f"--to={folder}", f"--format={self._format.value}", f"--interval={interval}"]
            words += [f"--clusters={clusters}"] if clusters else []
            words += [f"--{name.replace('_', '-')}={value}" for name, value in shares.items()]
            author = self._store.who() if access.has_login() else (self._author.value_input or self._author.value)
            words += [f"--author={author}"] if author else []
            if not self._store.start(*words):
                return
            self._message.object = wrap(
                f"<p class='quiet'>Writing {escape(folder.name)}; you can keep working meanwhile.</p>"
            )

    def _clusters(self) -> str:
        """What `--clusters` takes: ids, separated by commas; empty when none is chosen."""
        off = set(self._classes.hidden)
        return ",".join(str(i) for row in self._classes.rows for i in row["ids"] if i not in off)

    def _draw(self) -> None:
        clustering = self._store.clustering()
        self._go.disabled = clustering is None
        self._classes.visible = clustering is not None
        if clustering is None:
            self._of.object = wrap("")
            self._plan.object = wrap(empty("Nothing to export yet", "Start a run and name some of its clusters."))
            return
        self._of.object = wrap(
            f"<p class='quiet'>of <b>{escape(clustering.run)}</b>, clustering {clustering.interval}</p>"
        )
        self._offer(clustering)
        chosen = [int(i) for i in self._clusters().split(",") if i]
        format, shares = self._format.value, self._shares()
        self._loads.load(lambda: self._read(clustering, chosen, format, shares), self._show)

    def _offer(self, clustering: Clustering) -> None:
        """Classes with a picture and a check box each; what has a name is chosen, also what gets one later."""
        state, about = self._store.decided(), (clustering.run, clustering.interval)
        ids = clustering.ids.tolist()
        named = {i for i in ids if i in state.names}
        hidden = set(self._classes.hidden) | set(ids) - self._known_ids()
        hidden = (set(ids) - named) if about != self._offered else (hidden & set(ids)) - (named - self._named)
        self._offered, self._named = about, named
        rows = class_rows(clustering, cluster_looks(state, ids), self._store.edits())
        self._classes.param.update(rows=rows, hidden=sorted(hidden))

    def _known_ids(self) -> set[int]:
        return {i for row in self._classes.rows for i in row["ids"]}

    def _shares(self) -> dict[str, float]:
        """The numbers of the form, as `ExportConfig` calls them."""
        return {"val": self._val.value or 0, "test": self._test.value or 0, "per_class": self._per_class.value or 0}

    def _read(
        self, clustering: Clustering, chosen: list[int], format: str, shares: dict[str, float]
    ) -> tuple[str, str]:
        sizes = dict(zip(clustering.ids.tolist(), clustering.sizes.tolist(), strict=True))
        if not chosen:
            plan = empty("Nothing is chosen" if self._store.names() else "No cluster has a name yet", _NO_NAME)
        else:
            plan = _planned(clustering, class_names(clustering, chosen), sizes, shares)
            plan += f"<p class='quiet'>{_FORMAT_NOTES.get(format, '')}</p>"
        return plan, _exports(self._store)

    def _show(self, found: tuple[str, str]) -> None:
        self._plan.object, self._list.object = (wrap(part) for part in found)


def class_rows(clustering: Clustering, looks: ClusterLooks, version: str) -> list[dict[str, Any]]:
    """What can be exported, the largest first, names before clusters without one.

    Args:
        clustering: what it is taken from.
        looks: how its clusters are drawn.
        version: of the decisions, for the addresses of pictures.
    """
    order = np.argsort(-clustering.sizes, kind="stable")
    sizes = [(int(clustering.ids[i]), int(clustering.sizes[i])) for i in order]
    named = {i for i, name in zip(looks.ids, looks.names, strict=True) if name}
    rows = rows_of(sizes, looks)
    for row in rows:
        row["named"] = row["ids"][0] in named
        row["picture"] = f"sheet/{clustering.run}/{clustering.interval}/{row['ids'][0]}?v={version}"
    return sorted(rows, key=lambda row: not row["named"])


def _wrong(values: dict[str, float]) -> str:
    """What is the matter with the numbers of an export, if anything."""
    try:
        configuration.from_mapping(ExportConfig, values)
    except ConfigError as error:
        return str(error)
    return ""


def _planned(clustering: Clustering, class_of: dict[int, str], sizes: dict[int, int], shares: dict[str, float]) -> str:
    """What would be written, by class and split; or why nothing would."""
    if not any(shares.values()):  # all tiles of the classes: their sizes are known without a look at every tile
        counts: dict[str, dict[str, int]] = {}
        for cluster, name in class_of.items():
            row = counts.setdefault(name, {"": 0})
            row[""] += sizes[cluster]
        return _plan(counts)
    try:
        return _plan(make_plan(clustering, class_of, configuration.from_mapping(ExportConfig, shares), "tile").counts)
    except TesseraError as error:
        return alarm(str(error))


def _plan(counts: dict[str, dict[str, int]]) -> str:
    splits = list(next(iter(counts.values())))
    total = {split: sum(row[split] for row in counts.values()) for split in splits}
    heads = "".join(f"<th class='n'>{split}</th>" for split in splits)
    head = f"<tr><th>class</th>{heads}</tr>" if splits != [""] else ""
    rows = "".join(
        f"<tr><td>{escape(name)}</td>" + "".join(f"<td class='n'>{row[split]:,}</td>" for split in splits) + "</tr>"
        for name, row in sorted(counts.items(), key=lambda item: -sum(item[1].values()))
    )
    foot = (
        f"<tr><td>together</td>{''.join(f'<td class=n>{total[split]:,}</td>' for split in splits)}</tr>" if head else ""
    )
    return (
        f"<h2 class='ts-plan'>{counted(sum(total.values()), 'tile')} in {counted(counts, 'class', 'classes')}</h2>"
        "<p class='quiet'>Clusters with the same name become one class. A manifest with a checksum of every tile and a "
        "file that says how the set came about are written beside the tiles.</p><table class='plain' "
        f"style='max-width:520px'>{head}{rows}{foot}</table>"
    )


def _exports(store: Store) -> str:
    rows = list_exports(store.workspace)
    failed = [item for item in store.failures if item.kind == "export"]
    newest = max((row.time for row in rows), default=0.0)
    early = [item for item in failed if item.started > newest]  # those that failed before they were recorded as exports
    body = "".join(
        f"<tr class='ts-export-row' data-state='{escape(row.state)}'><td>{badge(row.state)}</td>"
        f"<td>{time.strftime('%d %b %H:%M', time.localtime(row.time))}</td><td "
        f"class='n'>{counted(row.n_tiles, 'tile')}</td>"
        f"<td>{escape(row.format)}</td><td><code>{escape(row.path)}</code> {escape(row.message)}</td></tr>"
        for row in rows
    )
    table = f"<h3>Tile sets</h3><table class='plain'>{body}</table>" if rows else ""
    return "".join(alarm(f"An export failed: {item.message}") for item in early[:1]) + table
