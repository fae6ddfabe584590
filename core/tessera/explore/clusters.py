"""The table of clusters: what each is made of, without a loop over tiles."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from tessera.explore.view import View, open_view

_Kind = Literal["patient", "site"]
_UNCHANGED = 0.9  # share of a cluster that people have left as it was found, from which on it counts as found
_KINDS: tuple[_Kind, _Kind] = ("patient", "site")


def cluster_table(view: View) -> pd.DataFrame:
    """One row a cluster, largest first.

    Args:
        view: the clustering.

    Returns:
        cluster (id), size, share, compactness (mean distance to the centroid, lower is tighter), n_slides, top_slide
        (name) and top_slide_share; n_patients and top_patient_share, n_sites and top_site_share (of the slides whose
        barcode tells them; the share is NaN where the cohort has only one of them); stability (Jaccard overlap with the
        same cluster one interval before, both as the run found them; NaN at first, and for a cluster that people have
        changed since: its overlap would tell of them and not of the run).
    """
    rows = np.searchsorted(view.ids, view.labels).clip(0, max(len(view.ids) - 1, 0))
    known = view.labels >= 0
    rows, slides = rows[known], view.index.slide[: len(view.labels)][known]
    shape = (len(view.ids), int(slides.max(initial=0)) + 1)
    by_slide = sp.coo_matrix((np.ones(len(rows), np.int64), (rows, slides)), shape=shape).tocsr()
    top = np.asarray(by_slide.argmax(axis=1)).ravel()
    names = slide_names(view)
    distance = np.bincount(rows, weights=view.distances[known].astype(np.float64), minlength=len(view.ids))
    (n_patients, top_patient), (n_sites, top_site) = (_told_by(by_slide, _told(view, kind)) for kind in _KINDS)
    sizes = np.maximum(view.sizes, 1)
    table = pd.DataFrame(
        {
            "cluster": view.ids,
            "size": view.sizes,
            "share": view.sizes / max(view.sizes.sum(), 1),
            "compactness": distance / sizes,
            "n_slides": np.diff(by_slide.indptr),
            "top_slide": [names.get(int(slide), "") for slide in top],
            "top_slide_share": np.asarray(by_slide.max(axis=1).todense()).ravel() / sizes,
            "n_patients": n_patients,
            "top_patient_share": top_patient / sizes,
            "n_sites": n_sites,
            "top_site_share": top_site / sizes,
            "stability": _stability(view),
        }
    )
    return table.sort_values("size", ascending=False, ignore_index=True)


def slide_names(view: View) -> dict[int, str]:
    """Name of each slide by its row in the ledger."""
    with view.workspace.ledger.read() as connection:
        return {row["id"]: row["name"] for row in connection.execute("SELECT id, name FROM slide")}


def _told(view: View, column: _Kind) -> dict[int, str]:
    """What the names of slides tell, by row in the ledger."""
    with view.workspace.ledger.read() as connection:
        rows = connection.execute(f"SELECT id, {column} AS told FROM slide WHERE {column} != ''")
        return {row["id"]: row["told"] for row in rows}


def _told_by(by_slide: sp.csr_matrix, told: dict[int, str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """How many different values the slides of each cluster have, and tiles of the most frequent one.

    Tiles are NaN where the whole cohort has fewer than two values: nothing is told by the share of the only one.
    """
    slides = np.array([slide for slide in told if slide < by_slide.shape[1]], np.int64)
    values, codes = np.unique([told[int(slide)] for slide in slides], return_inverse=True)
    member = sp.coo_matrix(
        (np.ones(len(slides), np.int64), (slides, codes)), shape=(by_slide.shape[1], len(slides) or 1)
    )
    tiles = by_slide @ member.tocsr()
    most = np.asarray(tiles.max(axis=1).todense()).ravel().astype(np.float64)
    return np.diff(tiles.indptr).astype(np.int64), most if len(values) > 1 else np.full(len(most), np.nan)


def _stability(view: View) -> npt.NDArray[np.float64]:
    """Jaccard overlap of each cluster with itself one interval before, both as the run found them."""
    unknown = np.full(len(view.ids), np.nan)
    if view.interval == 0:
        return unknown
    found = open_view(view.workspace, view.run, view.interval).labels
    before = open_view(view.workspace, view.run, view.interval - 1).labels
    n_ids = int(max(view.labels.max(), found.max(), before.max())) + 1
    now, own, earlier = (_sizes(labels, n_ids) for labels in (view.labels, found, before))
    same = _sizes(np.where(found == before, found, -1), n_ids)
    untouched = _sizes(np.where(found == view.labels, found, -1), n_ids) >= _UNCHANGED * np.maximum(now, own)
    overlap = np.where(untouched, same / np.maximum(own + earlier - same, 1), np.nan)
    return overlap[view.ids]


def _sizes(labels: npt.NDArray[np.int32], n_ids: int) -> npt.NDArray[np.int64]:
    return np.bincount(labels[labels >= 0], minlength=n_ids)
