"""A form for the settings of a run, derived from tessera.config: help, units and bounds come from there."""

from __future__ import annotations

import dataclasses
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera import config as configuration
from tessera.config import RunConfig, Setting

from tessera_app.page import html, wrap


class SettingsForm(pn.viewable.Viewer):
    """Widgets for every setting; `config` reads them, and `changed` says in words which differ from their defaults."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        about = {name: entry for name, entry in configuration.settings(RunConfig).items() if not entry.internal}
        self._defaults = {field.name: field.default for field in dataclasses.fields(RunConfig)}
        self.widgets = {name: _widget(name, entry, self._defaults[name]) for name, entry in about.items()}
        self.changed = html(css_classes=["ts-changed"])
        for widget in self.widgets.values():
            widget.param.watch(self._tell, "value")
        self._tell()
        self._basic = [self.widgets[name] for name, entry in about.items() if not entry.advanced]
        self._advanced = [self.widgets[name] for name, entry in about.items() if entry.advanced]

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
        other = [(n, w.value) for n, w in self.widgets.items() if w.value != self._defaults[n]]
        words = ", ".join(f"{escape(name)}&nbsp;<b>{escape(str(value))}</b>" for name, value in other)
        text = f"Changed: {words}." if other else "All settings are at their defaults."
        self.changed.object = wrap(f"<p class='quiet'>{text}</p>")

    def config(self) -> RunConfig:
        """The settings as entered.

        Raises:
            ConfigError: one is out of its bounds.
        """
        return configuration.from_mapping(RunConfig, {name: widget.value for name, widget in self.widgets.items()})


def _widget(name: str, about: Setting, default: Any) -> Any:
    unit = f" [{about.unit}]" if about.unit else ""
    common = {
        "label": f"{name}{unit}",
        "description": about.help,
        "sizing_mode": "stretch_width",
        "size": "small",
        "css_classes": [f"ts-set-{name}"],
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
