"""What a cluster is made of: how many of its tiles come from which slide, patient and site; and its mean tile."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg

from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.explore.representatives import pick

KINDS = ("slide", "patient", "site")
_MEAN_OF = 48


@dataclass(frozen=True)
class Part:
    """A source of a cluster's tiles.

    Attributes:
        name: of the slide, patient or site.
        n: tiles of the cluster that come from it.
        share: of the cluster's tiles.
        share_of_all: of all clustered tiles, to compare with: a source is over-represented where `share` is larger.
    """

    name: str
    n: int
    share: float
    share_of_all: float


def composition(clustering: Clustering, cluster: int, most: int = 5) -> dict[str, list[Part]]:
    """The largest sources of a cluster, by slide and, where slides tell them, by patient and site.

    Args:
        clustering: the clustering.
        cluster: id of the cluster.
        most: parts of each kind, largest first.

    Returns:
        Kind (of `KINDS`) to parts; a kind that no slide tells is left out. One pass over the cluster's tiles.

    Raises:
        TesseraError: no such cluster.
    """
    members = _members(clustering, cluster)
    slides = clustering.index.slide[: len(clustering.labels)]
    inside = np.bincount(slides[members], minlength=int(slides.max(initial=0)) + 1)
    everywhere = np.bincount(slides[clustering.labels >= 0], minlength=len(inside))
    with clustering.workspace.ledger.read() as connection:
        rows = connection.execute("SELECT id, name AS slide, patient, site FROM slide").fetchall()
    found = {}
    for kind in KINDS:
        counts: dict[str, list[int]] = {}
        for row in rows:
            if row[kind] and row["id"] < len(inside):
                both = counts.setdefault(row[kind], [0, 0])
                both[0] += int(inside[row["id"]])
                both[1] += int(everywhere[row["id"]])
        largest = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))[:most]
        total = max(int(everywhere.sum()), 1)
        parts = [Part(name, n, n / len(members), of_all / total) for name, (n, of_all) in largest if n]
        if parts:
            found[kind] = parts
    return found


def mean_tile(clustering: Clustering, cluster: int, side_px: int = 96) -> bytes:
    """The mean of tiles from the centre to the edge of a cluster, as JPEG: its colour and texture at a glance.

    Args:
        clustering: the clustering.
        cluster: id of the cluster.
        side_px: side of the picture.

    Raises:
        TesseraError: no such cluster.
    """
    _members(clustering, cluster)
    chosen = pick(clustering, cluster, _MEAN_OF // 3)
    tiles = np.unique(np.concatenate([chosen.typical, chosen.middle, chosen.edge]))
    total = np.zeros((side_px, side_px, 3))
    for jpeg in clustering.store.batch(tiles):
        tile = simplejpeg.decode_jpeg(jpeg, min_height=side_px, min_width=side_px, min_factor=1)
        total += cv2.resize(tile, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return bytes(simplejpeg.encode_jpeg(np.uint8(np.round(total / len(tiles))), quality=90))


def _members(clustering: Clustering, cluster: int) -> np.ndarray:
    if cluster not in clustering.ids:
        raise TesseraError(f"{clustering.run} has no cluster {cluster} at interval {clustering.interval}")
    return clustering.members(cluster)
