"""What a run is worth, on its page: the last `tessera evaluate` in words and small bars."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from tessera_app.page import bar

_BEST = 8  # rows of the table of features


def evaluation_html(run: str, found: dict[str, Any] | None) -> str:
    """The last evaluation as HTML.

    Args:
        run: its name.
        found: as `tessera.learn.evaluate.saved` kept it; None when there is none.
    """
    if found is None:
        command = f"tessera evaluate {run}"
        return (
            "<h3>What it is worth</h3><p class='quiet'>Not measured yet. "
            f"<code>{escape(command)}</code> says whether the clusters form regions on slides, how steady they are, "
            "and whether they follow slides or sites; with labels, how often a name carries over.</p>"
        )
    said = "".join(f"<li>{escape(line)}</li>" for line in found["words"])
    bars = "".join(
        f"<tr><td>{escape(label)}</td><td class='n'>{value:.2f}</td><td class='ts-wide'>{bar(value)}</td></tr>"
        for label, value in _shares(found)
    )
    return (
        f"<h3>What it is worth <span class='quiet'>clustering {int(found['interval'])}</span></h3>"
        f"<ul class='ts-said'>{said}</ul><table class='plain ts-worth'>{bars}</table>{_features(found)}"
    )


def _shares(found: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Figures from 0 to 1 for small bars, the most telling first."""
    scores = found.get("clusters", {})
    if "carry_over" in scores:
        yield "names carry over", scores["carry_over"]
        yield "AMI with labels, of what is possible", scores["ami"] / max(scores["ami_ceiling"], 1e-9)
    if found["regions"] is not None:
        yield "coherence on slides", found["regions"]["coherence"]
    steady = found["steadiness"]
    yield "agreement among clusterers", steady["among_clusterers"]
    yield "steady on other tiles", steady["resampled"]
    for what in ("slide", "patient", "site"):
        if what in found["places"]:
            yield f"told by the {what}, above chance", found["places"][what]["above_chance"]


def _features(found: dict[str, Any]) -> str:
    if "features" not in found:
        return ""
    rows = sorted(found["features"].items(), key=lambda row: -row[1]["kmeans_carry_over"])[:_BEST]
    cells = "".join(
        f"<tr><td>{escape(what)}</td><td class='n'>{row['kmeans_carry_over']:.2f}</td>"
        f"<td class='n'>{'–' if row['knn'] is None else format(row['knn'], '.2f')}</td>"
        f"<td class='ts-wide'>{bar(row['kmeans_carry_over'])}</td></tr>"
        for what, row in rows
    )
    return (
        "<h3>Features beside baselines</h3><table class='plain ts-baselines'><tr><th>features</th>"
        f"<th class='n'>carry-over</th><th class='n'>k-NN</th><th></th></tr>{cells}</table>"
    )
