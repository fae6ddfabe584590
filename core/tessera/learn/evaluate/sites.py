"""Are clusters tissue, or slides and hospitals? What a cluster tells of the place that a tile comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score

from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.identity import contingency
from tessera.learn.cluster.vectors import class_means
from tessera.learn.evaluate.metrics import entropy, expected_mutual_information

Labels = npt.NDArray[np.int32]

ONE_SITE = 0.9  # share of a cluster's tiles from one place above which it is flagged
_ODDS = 5  # and the odds of that place are so many times its odds among all tiles
_NEIGHBOURS = 20
_WORST = 0.1


@dataclass(frozen=True)
class Information:
    """What clusters share with slides, patients or sites.

    Attributes:
        share: I(cluster; place) / H(cluster), 0-1: of what the cluster says, how much is said by the place already.
        chance: the same when tiles are shuffled over places; it grows with their number.
    """

    share: float
    chance: float

    @property
    def above_chance(self) -> float:
        """(share - chance) / (1 - chance), not below 0."""
        return max(0.0, (self.share - self.chance) / max(1 - self.chance, 1e-12))


def information(clusters: Labels, places: Labels) -> Information:
    """I(cluster; place) / H(cluster).

    AMI with slides weakens as slides get many, because their entropy is in its denominator; this does not.

    Args:
        clusters: int32 (N,), -1 = not counted.
        places: int32 (N,), -1 = not counted.
    """
    table = contingency(clusters, places)
    rows, columns = (np.asarray(table.sum(axis=axis), np.int64).ravel() for axis in (1, 0))
    rows, columns = rows[rows > 0], columns[columns > 0]
    own = entropy(rows) if len(rows) else 0.0
    if own <= 0 or len(columns) < 2:
        return Information(0.0, 0.0)
    shared = own + entropy(columns) - entropy(table.data)
    return Information(max(0.0, shared / own), expected_mutual_information(rows, columns) / own)


def one_place_clusters(clusters: Labels, places: Labels, least: float = ONE_SITE) -> dict[int, tuple[int, float]]:
    """Clusters that come from one slide or site.

    Args:
        clusters: int32 (N,), -1 = not counted.
        places: int32 (N,), -1 = not counted.
        least: share of a cluster's tiles that must be from one place, at five times the odds that it has among all
            tiles.

    Returns:
        Cluster id to (place, share of the cluster's tiles).
    """
    table = contingency(clusters, places).toarray()
    sizes, whole = table.sum(axis=1), table.sum(axis=0)
    usual = (whole + 0.5) / (whole.sum() - whole + 0.5)  # odds of each place among all tiles
    found = {}
    for cluster in np.flatnonzero(sizes):
        place = int(table[cluster].argmax())
        inside = table[cluster, place]
        share, odds = float(inside / sizes[cluster]), (inside + 0.5) / (sizes[cluster] - inside + 0.5)
        if share >= least and odds >= _ODDS * usual[place]:
            found[int(cluster)] = (place, share)
    return found


def tissue_above_site(clusters: Labels, tissue: Labels, sites: Labels) -> float:
    """ARI(tissue) - ARI(site): PathoROB's clustering score; above 0 when clusters follow tissue more than hospitals.

    Args:
        clusters: int32 (N,).
        tissue: int32 (N,), class of each tile, -1 = not counted.
        sites: int32 (N,), -1 = not counted.
    """
    both = (clusters >= 0) & (tissue >= 0) & (sites >= 0)
    own = clusters[both]
    return float(adjusted_rand_score(tissue[both], own) - adjusted_rand_score(sites[both], own))


@dataclass(frozen=True)
class NeighbourIndex:
    """What the nearest tiles are (after PathoROB's robustness index, and croma's worst tenth).

    Attributes:
        index: of neighbours that have the tile's tissue or its site but not both, the share that has its tissue.
        worst_tenth: mean of the tenth of tiles with the lowest index.
    """

    index: float
    worst_tenth: float


def neighbour_index(
    points: npt.NDArray[np.floating], tissue: Labels, sites: Labels, k: int = _NEIGHBOURS
) -> NeighbourIndex | None:
    """Whether a tile's neighbours are of its tissue from other sites, or of its site with other tissue.

    Args:
        points: (N, D), features.
        tissue: int32 (N,).
        sites: int32 (N,).
        k: neighbours.

    Returns:
        None when no neighbour tells the two apart.
    """
    near = nearest(np.asarray(points, np.float32), min(k, len(points) - 1)).ids
    same_tissue, same_site = tissue[near] == tissue[:, None], sites[near] == sites[:, None]
    good, bad = (same_tissue & ~same_site).sum(axis=1), (~same_tissue & same_site).sum(axis=1)
    telling = good + bad > 0
    if not telling.any():
        return None
    own = np.sort(good[telling] / (good + bad)[telling])
    worst = own[: max(1, round(_WORST * len(own)))]
    return NeighbourIndex(float(good.sum() / (good + bad).sum()), float(worst.mean()))


def own_site_neighbours(points: npt.NDArray[np.floating], sites: Labels, k: int = _NEIGHBOURS) -> Information:
    """Share of neighbours from the tile's own site, and the same by chance; needs no labels.

    Args:
        points: (N, D), features.
        sites: int32 (N,), -1 = not counted.
        k: neighbours.
    """
    known = sites >= 0
    own = sites[known]
    near = nearest(np.asarray(points, np.float32)[known], min(k, int(known.sum()) - 1)).ids
    shares = np.bincount(own) / len(own)
    return Information(float((own[near] == own[:, None]).mean()), float((shares**2).sum()))


def centre_by(points: npt.NDArray[np.floating], places: Labels) -> npt.NDArray[np.float32]:
    """Features with the mean of their own site or slide taken off and the mean of all put back, float32 (N, D).

    It removes what all tiles of a site share, stain and scanner, and also tissue that only one site has: show before
    and after.

    Args:
        points: (N, D), features.
        places: int32 (N,); tiles of -1 stay as they are.
    """
    rows = np.asarray(points, np.float32)
    k = int(places.max(initial=-1)) + 1
    shift = class_means(rows, places, k) - rows[places >= 0].mean(axis=0) if k else np.zeros((1, rows.shape[1]))
    return np.asarray(np.where((places >= 0)[:, None], rows - shift[places.clip(0)], rows), np.float32)
