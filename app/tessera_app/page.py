"""Pieces that several pages use: HTML panes in the house's look, empty states, terms with their meaning, progress."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
from tessera.workspace.activity import Activity

from tessera_app.theme import CSS

TERMS = {
    "interval": "One round of the method: cluster all tiles, then train the network to tell the clusters apart.",
    "NMI": "Normalised mutual information of two successive clusterings: 0 = nothing in common, 1 = the same. When it "
    "no longer rises, the clusters have settled.",
    "AMI": "The same as NMI, corrected for agreement by chance, which grows with the number of clusters.",
    "loss": (
        "How badly the network predicts the cluster of a tile. It falls within an interval and jumps when clusters "
        "change."
    ),
    "cluster": "A group of tiles that look alike to the network: a candidate for a tissue class, not a diagnosis.",
    "stability": (
        "Overlap with the same cluster one interval before: 1 = the same tiles, 0 = all others; – for clusters that "
        "people have changed since."
    ),
    "spread": "Mean distance of the cluster's tiles to its centre: small = alike.",
    "biggest slide": "Share of the cluster's tiles that come from one slide. Near 100 % it may be the stain or scanner "
    "of that slide and not a tissue.",
    "kappa": "Cohen's kappa: agreement of two readers beyond what chance would give; 1 = always, 0 = as by chance.",
    "tile": "A square cut from a slide.",
    "kept": "Tiles with enough tissue, in focus and without pen marks. They are in the store.",
}
_WORK = {
    "ingest": "Cutting slides",
    "map": "Making the map",
    "export": "Exporting",
    "demo": "Preparing the demo",
    "propagate": "Propagating labels",
    "cluster": "Clustering again",
    "stability": "Measuring the stability of clusterings",
}


def html(body: str = "", **about: Any) -> pn.pane.HTML:
    """A pane of HTML in the house's look. Text from outside must be escaped by the caller."""
    return pn.pane.HTML(wrap(body), stylesheets=[CSS], **{"sizing_mode": "stretch_width", **about})


def wrap(body: str) -> str:
    """HTML in the house's look."""
    return f'<div class="ts">{body}</div>'


def empty(title: str, text: str) -> str:
    """What a page says when there is nothing to show yet. `text` is HTML."""
    return f'<div class="empty"><h2>{escape(title)}</h2><p>{text}</p></div>'


def waiting(text: str) -> str:
    """What a page says while it reads."""
    return f'<p class="quiet" style="padding:28px 0">{escape(text)}</p>'


def term(word: str, shown: str = "") -> str:
    """A word with its meaning on hover and on focus.

    Raises:
        KeyError: the word has no entry in `TERMS`.
    """
    return (
        f'<span class="term" tabindex="0">{escape(shown or word)}<em role="tooltip">{escape(TERMS[word])}</em></span>'
    )


def number(value: str, label: str) -> str:
    """A big number with its label; the label is HTML."""
    return f'<div class="number"><b>{escape(value)}</b><span>{label}</span></div>'


def alarm(text: str, level: str = "error") -> str:
    """A message that stands out. level: info, advice, warning or error."""
    return f'<div class="alarm {escape(level)}">{escape(text)}</div>' if text else ""


def bar(share: float) -> str:
    """A progress bar, 0-1."""
    return f'<div class="bar"><div style="width:{100 * min(max(share, 0), 1):.1f}%"></div></div>'


def duration(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def work_words(item: Activity) -> str:
    """What is being done, in a few words: "Making the map of run-1, 45 %"."""
    what = _WORK.get(item.kind, item.kind) + (f" of {item.run}" if item.run and item.kind != "demo" else "")
    return f"{what}, {100 * item.done // item.total} %" if item.total else what


def going_on(activities: list[Activity]) -> str:
    """What is being done right now, for the top of every page."""
    parts = []
    for item in activities:
        what = _WORK.get(item.kind, item.kind) + (f" of {item.run}" if item.run and item.kind != "demo" else "")
        total = f"{item.done:,} of {item.total:,}" if item.total else ""
        progress = bar(item.done / item.total) if item.total else ""
        parts.append(
            f"<div class='doing ts-doing'><b>{escape(what)}</b>"
            f"<span>{escape(item.phase or 'starting')}</span>{progress}<span>{total}</span></div>"
        )
    return "".join(parts)
