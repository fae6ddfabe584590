"""The table of clusters: what each is made of, without a loop over tiles."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from tessera.explore.clustering import Clustering, clustering_of

_Kind = Literal["patient", "site"]
_UNCHANGED = 0.9  # share of a cluster that people have left as it was found, from which on it counts as found
_KINDS: tuple[_Kind, _Kind] = ("patient", "site")


def cluster_table(clustering: Clustering) -> pd.DataFrame:
    """One row a cluster, largest first.

    Args:
        clustering: the clustering.

    Returns:
        cluster (id), size, share, compactness (mean distance to the centroid, lower is tighter), n_slides, top_slide
        (name) and top_slide_share; n_patients and top_patient_share, n_sites and top_site_share (of the slides whose
        barcode tells them; the share is NaN where the cohort has only one of them); stability (Jaccard overlap with the
        same cluster one interval before, both as the run found them; NaN at first, and for a cluster that people have
        changed since: its overlap would tell of them and not of the run).
    """
    rows = np.searchsorted(clustering.ids, clustering.labels).clip(0, max(len(clustering.ids) - 1, 0))
    known = clustering.labels >= 0
    rows, slides = rows[known], clustering.index.slide[: len(clustering.labels)][known]
    shape = (len(clustering.ids), int(slides.max(initial=0)) + 1)
    by_slide = sp.coo_matrix((np.ones(len(rows), np.int64), (rows, slides)), shape=shape).tocsr()
    top = np.asarray(by_slide.argmax(axis=1)).ravel()
    names = slide_names(clustering)
    distance = np.bincount(rows, weights=clustering.distances[known].astype(np.float64), minlength=len(clustering.ids))
    (n_patients, top_patient), (n_sites, top_site) = (_told_by(by_slide, _told(clustering, kind)) for kind in _KINDS)
    sizes = np.maximum(clustering.sizes, 1)
    table = pd.DataFrame(
        {
            "cluster": clustering.ids,
            "size": clustering.sizes,
            "share": clustering.sizes / max(clustering.sizes.sum(), 1),
            "compactness": distance / sizes,
            "n_slides": np.diff(by_slide.indptr),
            "top_slide": [names.get(int(slide), "") for slide in top],
            "top_slide_share": np.asarray(by_slide.max(axis=1).todense()).ravel() / sizes,
            "n_patients": n_patients,
            "top_patient_share": top_patient / sizes,
            "n_sites": n_sites,
            "top_site_share": top_site / sizes,
            "stability": _stability(clustering),
        }
    )
    return table.sort_values("size", ascending=False, ignore_index=True)


def slide_names(clustering: Clustering) -> dict[int, str]:
    """Name of each slide by its row in the ledger."""
    with clustering.workspace.ledger.read() as connection:
        return {row["id"]: row["name"] for row in connection.execute("SELECT id, name FROM slide")}


def _told(clustering: Clustering, column: _Kind) -> dict[int, str]:
    """What the names of slides tell, by row in the ledger."""
    with clustering.workspace.ledger.read() as connection:
        rows = connection.execute(f"SELECT id, {column} AS told FROM slide WHERE {column} != ''")
        return {row["id"]: row["told"] for row in rows}


def _told_by(by_slide: sp.csr_matrix, told: dict[int, str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """How many different values the slides of each cluster have, and tiles of the most frequent one.

    Tiles are NaN where the whole cohort has fewer than two values: the share of the only one says nothing.
    """
    slides = np.array([slide for slide in told if slide < by_slide.shape[1]], np.int64)
    values, codes = np.unique([told[int(slide)] for slide in slides], return_inverse=True)
    member = sp.coo_matrix(
        (np.ones(len(slides), np.int64), (slides, codes)), shape=(by_slide.shape[1], len(slides) or 1)
    )
    tiles = by_slide @ member.tocsr()
    most = np.asarray(tiles.max(axis=1).todense()).ravel().astype(np.float64)
    return np.diff(tiles.indptr).astype(np.int64), most if len(values) > 1 else np.full(len(most), np.nan)


def _stability(clustering: Clustering) -> npt.NDArray[np.float64]:
    """Jaccard overlap of each cluster with itself one interval before, both as the run found them."""
    unknown = np.full(len(clustering.ids), np.nan)
    if clustering.interval == 0:
        return unknown
    found = clustering_of(clustering.of, clustering.interval).labels
    before = clustering_of(clustering.of, clustering.interval - 1).labels
    n_ids = int(max(clustering.labels.max(), found.max(), before.max())) + 1
    now, own, earlier = (_sizes(labels, n_ids) for labels in (clustering.labels, found, before))
    same = _sizes(np.where(found == before, found, -1), n_ids)
    untouched = _sizes(np.where(found == clustering.labels, found, -1), n_ids) >= _UNCHANGED * np.maximum(now, own)
    overlap = np.where(untouched, same / np.maximum(own + earlier - same, 1), np.nan)
    return overlap[clustering.ids]


def _sizes(labels: npt.NDArray[np.int32], n_ids: int) -> npt.NDArray[np.int64]:
    return np.bincount(labels[labels >= 0], minlength=n_ids)
