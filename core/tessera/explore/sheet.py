"""Contact sheets: several tiles of a cluster in one JPEG, so that a table of clusters loads one image a row."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg

from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.explore.representatives import pick


def contact_sheet(clustering: Clustering, cluster: int, n: int = 4, side_px: int = 56) -> bytes:
    """The most typical tiles of a cluster side by side, as JPEG.

    Args:
        clustering: the clustering.
        cluster: id of the cluster.
        n: tiles.
        side_px: side of each.

    Raises:
        TesseraError: no such cluster.
    """
    if cluster not in clustering.ids:
        raise TesseraError(f"{clustering.run} has no cluster {cluster} at interval {clustering.interval}")
    tiles = pick(clustering, cluster, n).typical
    sheet = np.full((side_px, side_px * n, 3), 255, np.uint8)
    for i, jpeg in enumerate(clustering.store.batch(tiles)):
        tile = simplejpeg.decode_jpeg(jpeg, min_height=side_px, min_width=side_px, min_factor=1)
        sheet[:, i * side_px : (i + 1) * side_px] = cv2.resize(tile, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return bytes(simplejpeg.encode_jpeg(sheet, quality=85))
