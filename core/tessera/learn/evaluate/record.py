"""Figures of a clustering, the alarms and the advice that follow from them, into the ledger."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.learn.evaluate import advice, metrics, sites
from tessera.learn.train.reporter import Reporter
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.tiles.subset import StoreSubset
from tessera.workspace.folder import Workspace

Labels = npt.NDArray[np.int32]


def measure(
    reporter: Reporter,
    known: dict[str, Labels],
    *,
    interval: int,
    step: int,
    labels: Labels,
    previous: Labels | None,
    figures: dict[str, float],
) -> None:
    """Compare a clustering with the one before and with what is known of the tiles; record, warn, advise.

    Args:
        reporter: takes figures and events.
        known: see `known_groups`.
        interval: number of the clustering.
        step: training batches done.
        labels: int32 (N,), persistent ids, -1 = none.
        previous: the same of the interval before; None at the first.
        figures: measured already.
    """
    rng = np.random.default_rng(0)  # the same sample each time, whatever the run's seed
    found = labels[labels >= 0]
    figures |= metrics.size_figures(np.bincount(found))
    if previous is not None:
        both = (labels >= 0) & (previous >= 0)
        figures["nmi"] = metrics.nmi(labels, previous)
        figures["ami"] = metrics.ami(labels, previous, rng)
        figures["changed"] = float((labels != previous)[both].mean()) if both.any() else 0.0
    for what, truth in known.items():
        figures[f"ami_{what}"] = metrics.ami(labels, truth, rng)
        some = metrics.sampled(labels, truth, rng)
        told = sites.information(labels[some], truth[some])
        figures[f"information_{what}"], figures[f"information_{what}_chance"] = told.share, told.chance
        if what == "labels":
            figures["ari_labels"] = metrics.ari(labels, truth, rng)
        if what == "site":
            figures["one_site_clusters"] = float(len(sites.one_place_clusters(labels, truth)))
    reporter.figures(interval, step, figures)
    for text in advice.alarms(figures, len(labels), trained=step > 0):
        reporter.event("warning", f"interval {interval}: {text}")


def advise(reporter: Reporter, name: str, interval: int, n_clusters: int, *, cosine: bool = False) -> None:
    """Say so when the loss is stuck, classes are forgotten, or the clusters have settled.

    Args:
        reporter: takes events.
        name: name of the run.
        interval: number of the clustering.
        n_clusters: rows of the head that the last losses belong to; 0 when the loss is not one of classes.
        cosine: whether the learning rate falls to zero by itself.
    """
    history = control.metrics(reporter.workspace, name)
    losses = [metric.value for metric in history if metric.name == "loss"]
    if interval > 0 and n_clusters > 1 and losses and (text := advice.loss_alarm(losses[-1], n_clusters)):
        reporter.event("warning", f"interval {interval}: {text}")
    predictions = [metric.value for metric in history if metric.name == "prediction_entropy"]
    if interval > 0 and predictions and (text := advice.prediction_alarm(predictions[-1])):
        reporter.event("warning", f"interval {interval}: {text}")
    by_interval = {metric.interval: metric.value for metric in history if metric.name == "ami"}
    if text := advice.stop_advice([by_interval[key] for key in sorted(by_interval)], cosine=cosine):
        reporter.event("advice", f"interval {interval}: {text}")


def known_groups(workspace: Workspace, store: TileStore | StoreSubset, n_tiles: int) -> dict[str, Labels]:
    """What is known of tiles besides pixels, to compare clusters with: labels, slide, patient, site.

    Returns:
        Name to int32 (n_tiles,) codes, -1 = unknown; only those with at least two values.
    """
    index = store.index()
    slides = index.slide[:n_tiles]
    known = {"labels": index.label[:n_tiles].astype(np.int32), "slide": slides.astype(np.int32)}
    with workspace.ledger.read() as connection:
        rows = connection.execute("SELECT id, patient, site FROM slide").fetchall()
    for what in ("patient", "site"):
        names = {row["id"]: row[what] for row in rows}
        codes = {name: code for code, name in enumerate(sorted(set(names.values()) - {""}))}
        table = np.full(max(names, default=0) + 1, -1, np.int32)
        for slide, name in names.items():
            table[slide] = codes.get(name, -1)
        known[what] = table[slides]
    return {what: codes for what, codes in known.items() if len(np.unique(codes[codes >= 0])) > 1}
