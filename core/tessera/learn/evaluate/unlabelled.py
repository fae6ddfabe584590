"""Figures of a clustering that need no labels: regions, steadiness, agreement among clusterers, slides and sites.

How far each can be trusted was measured on two labelled sets (reference/learning.md, 5): agreement among clusterers
follows k-NN best (rank correlation .88 and .60), but training on pseudo-labels raises it by itself; a low AMI with
slides misleads.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.config import RunConfig
from tessera.learn.evaluate import clusterers, sites, spatial
from tessera.learn.evaluate.stability import stability
from tessera.tiles.store import TileIndex

_SAMPLE = 10_000
_STREAM = 9  # of randomness, as that of `tessera.learn.evaluate.compare`

Labels = npt.NDArray[np.int32]


def regions(labels: Labels, index: TileIndex) -> dict[str, Any] | None:
    """Spatial coherence and join counts; None where no two tiles touch.

    Args:
        labels: int32 (N,), -1 = no cluster.
        index: where the same tiles lie.
    """
    pairs = spatial.touching(index)
    whole = spatial.coherence(labels, index.slide, pairs)
    if whole is None:
        return None
    joins = spatial.join_counts(labels, index.slide, pairs)
    return {
        **dataclasses.asdict(whole),
        "clusters_scattered": sum(own.z < 2 for own in joins),
        "joins": [dataclasses.asdict(own) for own in joins],
    }


def places(labels: Labels, known: dict[str, Labels], points: npt.NDArray[np.floating]) -> dict[str, Any]:
    """What clusters and neighbours tell of slides, patients and sites.

    Args:
        labels: int32 (N,), -1 = no cluster.
        known: codes by name, see `tessera.learn.evaluate.record.known_groups`.
        points: (N, D), features.
    """
    found: dict[str, Any] = {}
    for what in ("slide", "patient", "site"):
        if what in known:
            told = sites.information(labels, known[what])
            found[what] = {"information": told.share, "chance": told.chance, "above_chance": told.above_chance}
    if "site" in known:
        alone = sites.one_place_clusters(labels, known["site"])
        found["one_site_clusters"] = {cluster: share for cluster, (_, share) in alone.items()}
        rows = _sample(np.flatnonzero(known["site"] >= 0))
        few, own = np.asarray(points[rows], np.float32), known["site"][rows]
        near, centred = sites.own_site_neighbours(few, own), sites.own_site_neighbours(sites.centre_by(few, own), own)
        found["neighbours_of_own_site"] = {"share": near.share, "chance": near.chance, "after_centring": centred.share}
        if "labels" in known:
            found |= _tissue_and_site(labels[rows], known["labels"][rows], own, few)
    return found


def steadiness(points: npt.NDArray[np.floating], k: int, config: RunConfig) -> dict[str, float]:
    """Agreement of the run's clusterer with itself, and among clusterers at the same K, on at most 10,000 tiles.

    Args:
        points: (N, D), features.
        k: clusters of the run.
        config: of the run.
    """
    few = np.asarray(points[_sample(np.arange(len(points)))], np.float32)
    k = max(2, min(k, len(few) // 4))
    rng = np.random.default_rng((config.seed, 0, _STREAM))
    own = stability(few, clusterers.with_count(config, k), rng, rounds=2)
    return {
        "among_clusterers": clusterers.among(clusterers.by_all(few, k, config, rng)),
        "resampled": own.bootstrap,
        "moved": own.drift,
        "seeds": own.seed,
    }


def _tissue_and_site(clusters: Labels, tissue: Labels, own: Labels, points: npt.NDArray[np.float32]) -> dict[str, Any]:
    found: dict[str, Any] = {"tissue_above_site": sites.tissue_above_site(clusters, tissue, own)}
    known = tissue >= 0
    if known.sum() > 1:
        near = sites.neighbour_index(points[known], tissue[known], own[known])
        if near is not None:
            found["neighbour_index"] = dataclasses.asdict(near)
    return found


def _sample(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if len(rows) <= _SAMPLE:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, _SAMPLE, replace=False))
