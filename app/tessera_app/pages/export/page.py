"""Export page: choose classes, write them as a tile set in the background."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera import config as configuration
from tessera.config import ExportConfig
from tessera.curate.export.log import list_exports
from tessera.curate.export.plan import class_names, make_plan
from tessera.curate.export.write import FORMATS, slug
from tessera.errors import ConfigError, TesseraError
from tessera.explore.clustering import Clustering
from tessera.explore.palette import colour
from tessera.words import counted

from tessera_app import access
from tessera_app.latest import Latest
from tessera_app.page import alarm, empty, html, waiting, wrap
from tessera_app.store import Store
from tessera_app.theme import badge

_NAMED, _ALL, _SOME = "clusters with a name", "all clusters", "some clusters"
_FORMAT_WORDS = {
    "imagefolder": "JPEG files in class folders",
    "parquet": "one Parquet table",
    "webdataset": "WebDataset shards",
    "hf-imagefolder": "Hugging Face image folder",
    "hf-parquet": "Hugging Face Parquet",
    "qupath": "QuPath (GeoJSON)",
}
_FORMAT_NOTES = {
    "qupath": "One file <code>.geojson.gz</code> for each slide, which QuPath opens as it is; the set that a tile is in stands in its "
    "metadata, and in the manifest.",
}
_NO_NAME = "Name clusters on the Explore page and they are offered here; or choose all clusters on the left."


class ExportPage(pn.viewable.Viewer):
    """Exports of the run that is looked at."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        common: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width"}
        self._which = pmui.Select(
            label="which clusters", options=[_NAMED, _ALL, _SOME], css_classes=["ts-which"], **common
        )
        self._some = pmui.MultiChoice(
            label="clusters", options={}, visible=False, css_classes=["ts-some"], sizing_mode="stretch_width"
        )
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
        for widget in (self._which, self._some, self._format, self._per_class, self._val, self._test):
            widget.param.watch(lambda *_: self._draw(), "value")
        self._draw()

    def __panel__(self) -> pn.viewable.Viewable:
        form = pn.Column(
            html("<h2>New tile set</h2>"),
            self._which,
            self._some,
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
        return pn.Row(form, pn.Spacer(width=28), right, sizing_mode="stretch_width")

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
            self._message.object = wrap(f"<p class='quiet'>Writing {escape(folder.name)}; you may go on meanwhile.</p>")

    def _clusters(self) -> str | None:
        """What `--clusters` takes: None for the named ones; empty when none is chosen."""
        if self._which.value == _SOME:
            return ",".join(str(cluster) for cluster in self._some.value)
        return "all" if self._which.value == _ALL else None

    def _draw(self) -> None:
        clustering = self._store.clustering()
        self._some.visible = self._which.value == _SOME
        self._go.disabled = clustering is None
        if clustering is None:
            self._plan.object = wrap(empty("Nothing to export yet", "Start a run and name some of its clusters."))
        else:
            which, some = self._which.value, list(self._some.value)
            format, shares = self._format.value, self._shares()
            self._loads.load(lambda: self._read(clustering, which, some, format, shares), self._show)

    def _shares(self) -> dict[str, float]:
        """The numbers of the form, as `ExportConfig` calls them."""
        return {"val": self._val.value or 0, "test": self._test.value or 0, "per_class": self._per_class.value or 0}

    def _read(
        self, clustering: Clustering, which: str, some: list[int], format: str, shares: dict[str, float]
    ) -> tuple[dict[str, int], str, str]:
        named = self._store.names()
        sizes = dict(zip(clustering.ids.tolist(), clustering.sizes.tolist(), strict=True))
        chosen = [c for c in sizes if which == _ALL or (c in some if which == _SOME else c in named)]
        options = {f"{named.get(cluster, 'cluster')} ({cluster})": cluster for cluster in sizes}
        if not chosen:
            plan = empty("No cluster is chosen" if named else "No cluster has a name yet", _NO_NAME)
        else:
            plan = _planned(clustering, class_names(clustering, chosen), sizes, shares)
            plan += f"<p class='quiet'>{_FORMAT_NOTES.get(format, '')}</p>"
        return options, plan, _exports(self._store)

    def _show(self, found: tuple[dict[str, int], str, str]) -> None:
        options, plan, exports = found
        if self._some.options != options:
            self._some.options = options
        self._plan.object, self._list.object = wrap(plan), wrap(exports)


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
        return _plan(class_of, counts)
    try:
        return _plan(
            class_of, make_plan(clustering, class_of, configuration.from_mapping(ExportConfig, shares), "tile").counts
        )
    except TesseraError as error:
        return alarm(str(error))


def _plan(class_of: dict[int, str], counts: dict[str, dict[str, int]]) -> str:
    splits = list(next(iter(counts.values())))
    total = {split: sum(row[split] for row in counts.values()) for split in splits}
    colours = {name: colour(cluster) for cluster, name in reversed(class_of.items())}
    heads = "".join(f"<th class='n'>{split}</th>" for split in splits)
    head = f"<tr><th>class</th>{heads}</tr>" if splits != [""] else ""
    rows = "".join(
        f"<tr><td><i class='dot' style='background:{colours[name]}'></i> {escape(name)}</td>"
        + "".join(f"<td class='n'>{row[split]:,}</td>" for split in splits)
        + "</tr>"
        for name, row in sorted(counts.items(), key=lambda item: -sum(item[1].values()))
    )
    foot = (
        f"<tr><td>together</td>{''.join(f'<td class=n>{total[split]:,}</td>' for split in splits)}</tr>" if head else ""
    )
    return (
        f"<h2 class='ts-plan'>{counted(sum(total.values()), 'tile')} in {counted(counts, 'class', 'classes')}</h2>"
        "<p class='quiet'>Clusters with the same name become one class. A manifest with a checksum of every tile and a file that says "
        f"how the set came about are written beside the tiles.</p><table class='plain' style='max-width:520px'>{head}{rows}{foot}</table>"
    )


def _exports(store: Store) -> str:
    rows = list_exports(store.workspace)
    failed = [item for item in store.failures if item.kind == "export"]
    newest = max((row.time for row in rows), default=0.0)
    early = [item for item in failed if item.started > newest]  # those that failed before they were recorded as exports
    body = "".join(
        f"<tr class='ts-export-row' data-state='{escape(row.state)}'><td>{badge(row.state)}</td>"
        f"<td>{time.strftime('%d %b %H:%M', time.localtime(row.time))}</td><td class='n'>{counted(row.n_tiles, 'tile')}</td>"
        f"<td>{escape(row.format)}</td><td><code>{escape(row.path)}</code> {escape(row.message)}</td></tr>"
        for row in rows
    )
    table = f"<h3>Tile sets</h3><table class='plain'>{body}</table>" if rows else ""
    return "".join(alarm(f"An export failed: {item.message}") for item in early[:1]) + table
