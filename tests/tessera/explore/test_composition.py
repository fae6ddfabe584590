from __future__ import annotations

import cv2
import numpy as np
import pytest
import simplejpeg
from tessera.curate.curated import curated_clustering
from tessera.errors import TesseraError
from tessera.explore.composition import composition, mean_tile
from tessera.explore.representatives import pick

from tests.tessera.planted import RUN, Planted


def test_parts_equal_counting_by_hand(planted: Planted) -> None:
    with planted.workspace.ledger.write() as connection:  # two slides of one patient, one that tells nothing
        connection.execute("UPDATE slide SET patient = 'P1', site = 'A' WHERE id IN (1, 2)")
    clustering = curated_clustering(planted.workspace, RUN, 2)
    labels, slides = planted.labels[2], clustering.index.slide
    found = composition(clustering, 0)
    assert set(found) == {"slide", "patient", "site"}
    for part in found["slide"]:
        slide = int(part.name.removeprefix("slide-").removesuffix(".svs")) + 1
        assert part.n == int(((labels == 0) & (slides == slide)).sum())
        assert part.share == pytest.approx(part.n / (labels == 0).sum())
        assert part.share_of_all == pytest.approx(((labels >= 0) & (slides == slide)).sum() / (labels >= 0).sum())
    assert sum(part.n for part in found["slide"]) == (labels == 0).sum()
    (patient,) = found["patient"]
    assert (patient.name, patient.n) == ("P1", int(((labels == 0) & np.isin(slides, [1, 2])).sum()))
    assert [part.n for part in found["slide"]] == sorted((part.n for part in found["slide"]), reverse=True)
    assert len(composition(clustering, 0, most=1)["slide"]) == 1


def test_the_mean_tile_is_the_mean(planted: Planted) -> None:
    clustering = curated_clustering(planted.workspace, RUN, 2)
    chosen = pick(clustering, 0, 16)
    tiles = np.unique(np.concatenate([chosen.typical, chosen.middle, chosen.edge]))
    whole = np.mean([simplejpeg.decode_jpeg(jpeg) for jpeg in clustering.store.batch(tiles)], axis=0)
    expected = cv2.resize(whole, (48, 48), interpolation=cv2.INTER_AREA)
    got = simplejpeg.decode_jpeg(mean_tile(clustering, 0, 48))
    assert np.abs(got - expected).mean() < 3


def test_no_such_cluster(planted: Planted) -> None:
    clustering = curated_clustering(planted.workspace, RUN, 2)
    for make in (composition, mean_tile):
        with pytest.raises(TesseraError, match="no cluster 77"):
            make(clustering, 77)
