"""The one way to cluster tiles, whatever the clusterer.

Points in, a `ClusterResult` without empty or tiny clusters out.

k-means has K by construction. The others find K: clusters below a least size are folded point by point into the nearest
large one, and K is brought to `clusters`, from above, when `count` is target (see `count`). Beyond `graph_points` tiles
they work on micro-centroids, and each tile takes the label of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tessera.config import RunConfig
from tessera.errors import RunError
from tessera.learn.cluster import hdbscan, kmeans
from tessera.learn.cluster.base import Clusterer, Labels, Memory, Points, device_of
from tessera.learn.cluster.count import count
from tessera.learn.cluster.kmeans import ClusterResult
from tessera.learn.cluster.leiden import find_leiden
from tessera.learn.cluster.pic import find_pic
from tessera.learn.cluster.rcc.find import find_rcc
from tessera.learn.cluster.sizes import describe
from tessera.learn.cluster.vectors import chunks

if TYPE_CHECKING:
    from tessera.learn.features.distributed import Ranks

TABLE = {
    "rcc": Clusterer(find_rcc),
    "pic": Clusterer(find_pic),
    "hdbscan": Clusterer(hdbscan.find_hdbscan, hdbscan.LIMIT),
    "leiden": Clusterer(find_leiden),
}


def cluster(
    points: Points,
    config: RunConfig,
    rng: np.random.Generator,
    previous: Labels | None = None,
    memory: Memory | None = None,
    ranks: Ranks | None = None,
) -> ClusterResult:
    """Cluster all points by `config.clustering.clusterer.name`.

    Args:
        points: (N, D), any float type, memory-mapped or not.
        config: its `clustering`, and what the clusterer itself reads.
        rng: decides everything random.
        previous: int32 (N,), row of each point in the last clustering, -1 = none: where k-means starts.
        memory: what a clusterer holds from one clustering of a run to the next; changed in place, small.
        ranks: processes that all call this with the same points. They share k-means; the other clusterers belong to the
            first, and the others get its answer.

    Raises:
        ConfigError: the clusterer cannot work with these settings.
        RunError: points are not finite.
    """
    if config.clustering.clusterer.name not in TABLE:
        device = device_of(config)
        return kmeans.cluster(points, config, rng, previous, None if device == "cpu" else device, ranks)
    if ranks is not None and ranks.world > 1:
        answers = ranks.gather(cluster(points, config, rng, previous, memory) if ranks.first else None)
        assert answers[0] is not None
        return answers[0]
    _refuse_infinite(points)
    limit = min(config.clustering.graph_points, TABLE[config.clustering.clusterer.name].limit)
    if len(points) <= limit:
        few, owner, masses = points, None, None
    else:
        from tessera.learn.cluster.micro import micro_centroids

        few, owner = micro_centroids(points, limit, rng)
        masses = np.bincount(owner, minlength=len(few)).astype(np.int64)
    found = TABLE[config.clustering.clusterer.name].find(few, config, rng, {} if memory is None else memory)
    wanted = config.clustering.clusters if config.clustering.count == "target" else None
    settled = count(few, found, wanted, least_size(len(points), config), masses=masses, rng=rng)
    labels = settled.labels if owner is None else settled.labels[owner]
    on = "" if owner is None else f" on {len(few):,} cells of {len(points):,} tiles"
    how = f"{config.clustering.clusterer.name}{on} found {settled.how}"
    return describe(points, labels, settled.folded, {**found.figures, **settled.figures}, how)


def least_size(n_points: int, config: RunConfig) -> int:
    """Tiles that a cluster must have: one in a thousand, or a tenth of the mean when very many clusters are asked for.

    Never below `config.clustering.min_cluster`.
    """
    return max(config.clustering.min_cluster, n_points // max(1000, 10 * config.clustering.clusters))


def _refuse_infinite(points: Points) -> None:
    for part in chunks(len(points)):
        if not np.isfinite(points[part]).all():
            raise RunError("features are not finite: training has diverged; lower learning_rate and start again")
