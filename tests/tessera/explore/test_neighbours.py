from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tessera.errors import TesseraError
from tessera.explore import neighbours
from tessera.explore.clustering import open_clustering
from tessera.explore.neighbours import nearest_clusters, similar_to_tiles

from tests.tessera.planted import RUN, Planted


def brute(planted: Planted, query: np.ndarray, wanted: np.ndarray, n: int) -> list[int]:
    bank = np.asarray(planted.workspace.run_folder(RUN).open_bank(), np.float64)
    distances = np.linalg.norm(bank - query, axis=1)
    distances[~wanted] = np.inf
    return np.argsort(distances, kind="stable")[: min(n, int(wanted.sum()))].tolist()


@pytest.mark.parametrize("chunk", [7, 131_072])
@pytest.mark.parametrize("n", [1, 12, 10_000])
def test_the_same_tiles_as_by_brute_force(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, chunk: int, n: int
) -> None:
    monkeypatch.setattr(neighbours, "_CHUNK", chunk)
    clustering = open_clustering(planted.workspace, RUN)
    bank = np.asarray(planted.workspace.run_folder(RUN).open_bank(), np.float64)
    wanted = clustering.labels >= 0
    wanted[[3, 5]] = False
    found = similar_to_tiles(clustering, [5, 3], n)
    assert found.tiles.tolist() == brute(planted, bank[[3, 5]].mean(axis=0), wanted, n)
    assert (np.diff(found.distances) >= 0).all()
    elsewhere = wanted & ~np.isin(clustering.index.slide, clustering.index.slide[[3, 5]])
    found = similar_to_tiles(clustering, [3, 5], n, other_slides=True)
    assert found.tiles.tolist() == brute(planted, bank[[3, 5]].mean(axis=0), elsewhere, n)


def test_nearest_clusters_are_those_with_near_middles(planted: Planted) -> None:
    clustering = open_clustering(planted.workspace, RUN)
    folder = planted.workspace.run_folder(RUN)
    middles = {
        int(c): np.asarray(folder.open_bank()[clustering.members(c)], np.float64).mean(axis=0) for c in clustering.ids
    }
    for cluster in middles:
        by_hand = sorted(
            (c for c in middles if c != cluster), key=lambda c: np.linalg.norm(middles[c] - middles[cluster])
        )
        found = nearest_clusters(clustering, cluster, 3)
        assert [c for c, _ in found] == by_hand[:3]
        assert found[0][1] == pytest.approx(np.linalg.norm(middles[by_hand[0]] - middles[cluster]), rel=0.5)


def test_tiles_without_a_cluster_are_not_found(planted: Planted) -> None:
    clustering = open_clustering(planted.workspace, RUN)
    labels = clustering.labels.copy()
    labels[similar_to_tiles(clustering, [0], 4).tiles] = -1
    again = similar_to_tiles(replace(clustering, labels=labels), [0], 4)
    assert not set(again.tiles.tolist()) & set(np.flatnonzero(labels < 0).tolist())


def test_what_is_not_there_is_said(planted: Planted) -> None:
    clustering = open_clustering(planted.workspace, RUN)
    for tiles in ([], [-1], [planted.n]):
        with pytest.raises(TesseraError, match="choose tiles"):
            similar_to_tiles(clustering, tiles)
    with pytest.raises(TesseraError, match="no cluster 1 "):
        nearest_clusters(clustering, 1)
