"""Scores of clusters and features against labels, which are used for nothing else.

Splits are by group (slide, or the stand-in of ready-made tiles), never by tile: tiles of one field are near-copies of
each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tessera.learn.evaluate.metrics import nmi
from tessera.learn.evaluate.naming import ami_ceiling, carry_over, matched

_FOLDS, _NEIGHBOURS = 5, 20

Labels = npt.NDArray[np.int32]
Features = npt.NDArray[np.float32]


def score_clusters(clusters: Labels, labels: Labels, groups: npt.NDArray[np.integer] | None = None) -> dict[str, float]:
    """Agreement of clusters with labels.

    Args:
        clusters: int32 (N,).
        labels: int32 (N,), ground truth.
        groups: int (N,), slide of each tile; None leaves out what needs it.

    Returns:
        carry_over and unnamed (see `tessera.learn.evaluate.naming`), nmi and ami (arithmetic mean), ami_ceiling at this
        number of clusters, ami_groups (with the groups), ari, many_to_one (each cluster gets its commonest class; also
        as purity) and hungarian (each class gets one cluster).
    """
    hungarian, many_to_one = matched(clusters, labels)
    scores: dict[str, float] = {}
    if groups is not None:
        named = carry_over(clusters, labels, groups)
        scores |= {"carry_over": named.carry_over, "unnamed": named.unnamed}
    scores |= {
        "nmi": nmi(clusters, labels),
        "ami": float(adjusted_mutual_info_score(labels, clusters)),
        "ami_ceiling": ami_ceiling(labels, len(np.unique(clusters))),
        "ari": float(adjusted_rand_score(labels, clusters)),
        "many_to_one": many_to_one,
        "purity": many_to_one,
        "hungarian": hungarian,
    }
    if groups is not None:
        scores["ami_groups"] = float(adjusted_mutual_info_score(groups, clusters))
    return scores


def score_features(
    features: Features, labels: Labels, groups: npt.NDArray[np.int32], n_clusters: int
) -> dict[str, float | None]:
    """What features are worth.

    Args:
        features: float32 (N, D); they are standardised first.
        labels: int32 (N,), ground truth.
        groups: int32 (N,), slide or group of each tile: folds never split one.
        n_clusters: K of the k-means.

    Returns:
        knn and linear (mean accuracy over group-wise folds; None when a class has fewer than two groups, for tiles of
        one group are near-copies and would flatter them) and kmeans_ami (AMI of k-means with the labels).
    """
    models = {
        "knn": make_pipeline(StandardScaler(), KNeighborsClassifier(_NEIGHBOURS, metric="cosine")),
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1)),
    }
    folds = min(_FOLDS, *(len(np.unique(groups[labels == label])) for label in np.unique(labels)))
    scores: dict[str, float | None] = dict.fromkeys(models)
    if folds >= 2:
        splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(features, labels, groups))
        for what, model in models.items():
            found = [model.fit(features[a], labels[a]).score(features[b], labels[b]) for a, b in splits]
            scores[what] = float(np.mean(found))
    scaled = StandardScaler().fit_transform(features)
    clusters = KMeans(n_clusters, n_init=3, random_state=0).fit_predict(scaled)
    return {
        **scores,
        "kmeans_ami": float(adjusted_mutual_info_score(labels, clusters)),
        "kmeans_carry_over": carry_over(clusters, labels, groups).carry_over,
    }
