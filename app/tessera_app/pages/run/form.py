"""A form for the settings of a run, derived from tessera.config: help, units and bounds come from there."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera import config as configuration
from tessera.config import Leaf, RunConfig

from tessera_app.page import html, wrap


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
        self._basic = [self.widgets[_key(leaf)] for leaf in self._leaves if not leaf.about.advanced]
        self._advanced = [self.widgets[_key(leaf)] for leaf in self._leaves if leaf.about.advanced]

    def __panel__(self) -> pn.viewable.Viewable:
        advanced = pmui.Accordion(
            ("More settings", pn.Column(*self._advanced, sizing_mode="stretch_width")),
            active=[],
            sizing_mode="stretch_width",
            title_variant="subtitle2",
            css_classes=["ts-more-settings"],
        )
        return pn.Column(*self._basic, advanced, sizing_mode="stretch_width")

    def _tell(self, *_: Any) -> None:
        """Say what the server has taken, so that nobody starts a run with a value that never arrived."""
        for leaf in self._leaves:
            self.widgets[_key(leaf)].visible = self._counts(leaf)
        other = [
            (leaf.path, self.widgets[_key(leaf)].value)
            for leaf in self._leaves
            if self._counts(leaf) and self.widgets[_key(leaf)].value != self._defaults[_key(leaf)]
        ]
        words = ", ".join(f"{escape(name)}&nbsp;<b>{escape(str(value))}</b>" for name, value in other)
        text = f"Changed: {words}." if other else "All settings are at their defaults."
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
    unit = f" [{about.unit}]" if about.unit else ""
    common = {
        "label": f"{leaf.path}{unit}",
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
