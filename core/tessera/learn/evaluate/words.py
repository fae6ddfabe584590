"""An evaluation in words, for a terminal and the Run page."""

from __future__ import annotations

from typing import Any

_NO_FOLDS = "– k-NN and linear need at least two groups (slides) of each class: give labels.csv a column group"
_SMALL, _GOOD = 0.1, 0.25  # spatial coherence
_STEADY, _SHAKY = 0.8, 0.5  # AMI
_FOLLOWS = 0.3  # as that of the alarm


def sentences(found: dict[str, Any]) -> list[str]:
    """What the figures mean, the most telling first."""
    said = [*_names(found.get("clusters")), *_regions(found["regions"]), *_steadiness(found["steadiness"])]
    return said + _places(found["places"])


def describe(found: dict[str, Any]) -> str:
    """An evaluation as text and tables."""
    labelled = f", {found['n_classes']} classes" if found["n_classes"] else ", no labels"
    lines = [
        f"{found['run']}, interval {found['interval']}: {found['n_tiles']:,} tiles of {found['n_groups']} groups"
        f"{labelled}, {found['n_clusters']} clusters",
        *(f"- {line}" for line in sentences(found)),
    ]
    if "clusters" in found:
        lines.append("clusters against labels   " + "  ".join(f"{k} {v:.3f}" for k, v in found["clusters"].items()))
        lines += _features(found["features"])
    return "\n".join(lines)


def _names(scores: dict[str, float] | None) -> list[str]:
    if scores is None or "carry_over" not in scores:
        return []
    unnamed = f"; {scores['unnamed']:.0%} are in clusters that no other slide has" if scores["unnamed"] else ""
    return [
        f"a name given on some slides is right for {scores['carry_over']:.0%} of the tiles of the others{unnamed}",
        f"AMI with labels {scores['ami']:.2f} of at most {scores['ami_ceiling']:.2f} at this number of clusters, and "
        "with the "
        f"slides {scores['ami_groups']:.2f}",
    ]


def _regions(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    value = found["coherence"]
    kind = "regions" if value >= _GOOD else "small patches" if value >= _SMALL else "confetti"
    said = (
        f"on slides the clusters form {kind}: touching tiles share one {found['share']:.0%} of the time, "
        f"{found['chance']:.0%} by "
    )
    said += f"chance (coherence {value:.2f})"
    if n := found["clusters_scattered"]:
        said += f"; {n} cluster{'s lie' if n > 1 else ' lies'} scattered"
    return [said]


def _steadiness(found: dict[str, float]) -> list[str]:
    value = found["among_clusterers"]
    grade = "largely agree" if value >= _STEADY else "agree in part" if value >= _SHAKY else "disagree"
    return [
        f"different clusterers {grade} (AMI {value:.2f}); this one with itself: {found['resampled']:.2f} on other "
        "tiles, "
        f"{found['moved']:.2f} moved a little, {found['seeds']:.2f} under another seed"
    ]


def _places(found: dict[str, Any]) -> list[str]:
    said = []
    for what in ("slide", "patient", "site"):
        if what in found:
            own = found[what]
            warning = ": they may be stain or scanner" if own["above_chance"] > _FOLLOWS else ""
            said.append(
                f"of what clusters tell, {own['information']:.0%} is told by the {what} already ({own['chance']:.0%} "
                "by chance)"
                f"{warning}"
            )
    if alone := found.get("one_site_clusters"):
        said.append(f"clusters of one site only: {', '.join(str(cluster) for cluster in alone)}")
    if near := found.get("neighbours_of_own_site"):
        said.append(
            f"{near['share']:.0%} of the nearest tiles are from the same site, {near['chance']:.0%} by chance; "
            f"{near['after_centring']:.0%} after centring features by site"
        )
    if "tissue_above_site" in found:
        said.append(f"ARI with tissue minus ARI with site: {found['tissue_above_site']:.2f} (PathoROB)")
    if index := found.get("neighbour_index"):
        said.append(f"neighbour index {index['index']:.2f}, worst tenth {index['worst_tenth']:.2f}")
    return said


def _features(sets: dict[str, dict[str, float | None]]) -> list[str]:
    width = max(len(what) for what in sets) + 2
    lines = [f"{'features':{width}}{'k-NN':>8}{'linear':>8}{'k-means: carry-over':>21}{'AMI':>8}"]
    for what, row in sets.items():
        knn, linear = (f"{'–' if row[key] is None else format(row[key], '.3f'):>8}" for key in ("knn", "linear"))
        lines.append(f"{what:{width}}{knn}{linear}{row['kmeans_carry_over']:21.3f}{row['kmeans_ami']:8.3f}")
    return [*lines, _NO_FOLDS] if any(row["knn"] is None for row in sets.values()) else lines
