"""A form for the settings of a run, derived from core.config: help, units and bounds come from there."""

from __future__ import annotations

import dataclasses
from typing import Any

import panel as pn
import panel_material_ui as pmui

from core import config as configuration
from core.config import RunConfig, Setting


class SettingsForm(pn.viewable.Viewer):
    """Widgets for every setting; `config` reads them."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        about = {name: entry for name, entry in configuration.settings(RunConfig).items() if not entry.internal}
        defaults = {field.name: field.default for field in dataclasses.fields(RunConfig)}
        self.widgets = {name: _widget(name, entry, defaults[name]) for name, entry in about.items()}
        self._basic = [self.widgets[name] for name, entry in about.items() if not entry.advanced]
        self._advanced = [self.widgets[name] for name, entry in about.items() if entry.advanced]

    def __panel__(self) -> pn.viewable.Viewable:
        advanced = pmui.Accordion(
            ("More settings", pn.Column(*self._advanced, sizing_mode="stretch_width")), active=[], sizing_mode="stretch_width", title_variant="subtitle2",
            css_classes=["ts-more-settings"],
        )  # fmt: skip
        return pn.Column(*self._basic, advanced, sizing_mode="stretch_width")

    def config(self) -> RunConfig:
        """The settings as entered.

        Raises:
            ConfigError: one is out of its bounds.
        """
        return configuration.from_mapping(RunConfig, {name: widget.value for name, widget in self.widgets.items()})


def _widget(name: str, about: Setting, default: Any) -> Any:
    unit = f" [{about.unit}]" if about.unit else ""
    common = {
        "label": f"{name}{unit}", "description": about.help, "sizing_mode": "stretch_width", "size": "small",
        "css_classes": [f"ts-set-{name}"],
    }  # fmt: skip
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
