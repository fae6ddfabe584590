"""Pieces that several pages use: HTML panes in the house's look, empty states, progress of what is going on."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn

from app.theme import CSS
from core.activity import Activity


def html(body: str = "", **about: Any) -> pn.pane.HTML:
    """A pane of HTML in the house's look. Text from outside must be escaped by the caller."""
    return pn.pane.HTML(wrap(body), stylesheets=[CSS], sizing_mode="stretch_width", **about)


def wrap(body: str) -> str:
    """HTML in the house's look."""
    return f'<div class="ts">{body}</div>'


def empty(title: str, text: str) -> str:
    """What a page says when there is nothing to show yet."""
    return f'<div class="empty"><h2>{escape(title)}</h2><p>{text}</p></div>'


def number(value: str, label: str) -> str:
    """A big number with its label."""
    return f'<div class="number"><b>{escape(value)}</b><span>{escape(label)}</span></div>'


def bar(share: float) -> str:
    """A progress bar, 0-1."""
    return f'<div class="bar"><div style="width:{100 * min(max(share, 0), 1):.1f}%"></div></div>'


def going_on(activities: list[Activity]) -> str:
    """What is being done right now, for the top of every page."""
    parts = []
    for item in activities:
        total = f" {item.done:,} of {item.total:,}" if item.total else ""
        share = item.done / item.total if item.total else 0
        parts.append(
            f"<p><b>{escape(item.kind)}</b> {escape(item.run)}: {escape(item.phase or 'starting')}{total}{bar(share)}</p>"
        )
    return "".join(parts)
