"""A form for the settings of a run, derived from tessera.config: help, units and bounds come from there."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera import config as configuration
from tessera.config import Leaf, RunConfig

from tessera_app.page import html, wrap
from tessera_app.pages.run.labels import GROUPS, group_of, label_of


class SettingsForm(pn.viewable.Viewer):
    """Widgets for every setting; `config` reads them, and `changed` says in words which differ from their defaults."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._leaves = [leaf for leaf in configuration.leaves(RunConfig) if not leaf.about.internal]
        self.widgets = {_key(leaf): _widget(leaf) for leaf in self._leaves}
        self._defaults = {key: widget.value for key, widget in self.widgets.items()}
        self.changed = html(css_classes=["ts-changed"])
        for widget in self.widgets.values():
            widget.param.watch(self._tell, "value")
        self._tell()

    def __panel__(self) -> pn.viewable.Viewable:
        groups: dict[str, list[Any]] = {}
        for leaf in sorted(self._leaves, key=lambda leaf: leaf.about.advanced):  # what is asked for most comes first
            groups.setdefault(group_of(leaf.path), []).append(self.widgets[_key(leaf)])
        order = [title for title in GROUPS.values() if title in groups]
        parts = [html(f"<h3>{escape(title)}</h3>") for title in order]
        rows = [part for title, head in zip(order, parts, strict=True) for part in (head, *groups[title])]
        rest = [widget for title, widgets in groups.items() if title not in order for widget in widgets]
        return pn.Column(*rows, *rest, sizing_mode="stretch_width")

    def preset(self, settings: Mapping[str, Any]) -> None:
        """Set the form to the defaults with some changed.

        Args:
            settings: dotted name to value.
        """
        for leaf in self._leaves:
            self.widgets[_key(leaf)].value = settings.get(leaf.path, self._defaults[_key(leaf)])

    def _tell(self, *_: Any) -> None:
        """Say what the server has taken, so that nobody starts a run with a value that never arrived."""
        for leaf in self._leaves:
            self.widgets[_key(leaf)].visible = self._counts(leaf)
        other = [
            (leaf.path, self.widgets[_key(leaf)].value)
            for leaf in self._leaves
            if self._counts(leaf) and self.widgets[_key(leaf)].value != self._defaults[_key(leaf)]
        ]
        words = ", ".join(f"{escape(label_of(path))}&nbsp;<b>{escape(str(value))}</b>" for path, value in other)
        text = f"Changed from the defaults: {words}." if other else "All settings are at their defaults."
        self.changed.object = wrap(f"<p class='quiet'>{text}</p>")

    def config(self) -> RunConfig:
        """The settings as entered.

        Raises:
            ConfigError: one is out of its bounds.
        """
        entered = {leaf.path: self.widgets[_key(leaf)].value for leaf in self._leaves if self._counts(leaf)}
        return configuration.from_mapping(RunConfig, entered)

    def _counts(self, leaf: Leaf) -> bool:
        """Whether a setting is of the method or clusterer that is chosen, or of all."""
        return leaf.only is None or self.widgets[leaf.only[0]].value == leaf.only[1]


def _key(leaf: Leaf) -> str:
    """Dotted name; settings of one method or clusterer also say which, since two may share a name."""
    return leaf.path if leaf.only is None else f"{leaf.path}@{leaf.only[1]}"


def _widget(leaf: Leaf) -> Any:
    about, default = leaf.about, leaf.default
    words = label_of(leaf.path)
    unit = f", {about.unit}" if about.unit and about.unit not in words.lower() else ""
    common = {
        "label": f"{words}{unit}",
        "description": about.help,
        "sizing_mode": "stretch_width",
        "size": "small",
        "css_classes": [f"ts-set-{leaf.path.replace('.', '-')}"],
    }
    if about.choices:
        return pmui.Select(options=list(about.choices), value=default, **common)
    if isinstance(default, bool):
        return pmui.Checkbox(value=default, **{key: common[key] for key in ("label", "description", "css_classes")})
    if isinstance(default, int):
        return pmui.IntInput(value=default, start=_whole(about.low), end=_whole(about.high), **common)
    if isinstance(default, float):
        return pmui.FloatInput(value=default, start=about.low, end=about.high, step=default / 10 or 0.1, **common)
    return pmui.TextInput(value=default, **common)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)
