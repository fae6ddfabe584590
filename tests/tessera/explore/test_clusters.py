from __future__ import annotations

import numpy as np
import pytest
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import exclude_tiles, merge_clusters
from tessera.explore.clustering import Clustering, open_clustering
from tessera.explore.clusters import cluster_table, slide_names
from tessera.explore.palette import colour, colours

from tests.tessera.planted import RUN, Planted


@pytest.fixture(scope="module")
def clustering(planted_once: Planted) -> Clustering:
    return open_clustering(planted_once.workspace, RUN)


def test_every_column_is_what_a_loop_over_tiles_counts(clustering: Clustering, planted_once: Planted) -> None:
    labels, before, slides = planted_once.labels[2], planted_once.labels[1], clustering.index.slide
    names = slide_names(clustering)
    table = cluster_table(clustering)
    assert sorted(table["cluster"]) == clustering.ids.tolist()
    for row in table.to_dict("records"):
        members = labels == row["cluster"]
        assert row["size"] == members.sum()
        assert row["share"] == pytest.approx(members.sum() / (labels >= 0).sum())
        assert row["compactness"] == pytest.approx(planted_once.distances[members].astype(float).mean())
        counts = {slide: int((members & (slides == slide)).sum()) for slide in set(slides.tolist())}
        assert row["n_slides"] == sum(count > 0 for count in counts.values())
        assert row["top_slide_share"] == pytest.approx(max(counts.values()) / members.sum())
        tops = {names[slide] for slide, count in counts.items() if count == max(counts.values())}
        assert row["top_slide"] in tops
        earlier = before == row["cluster"]
        assert row["stability"] == pytest.approx((members & earlier).sum() / (members | earlier).sum())


def test_patients_and_sites_of_barcodes_are_counted(planted: Planted) -> None:
    with planted.workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET patient = 'TCGA-A1-' || id, site = 'A1' WHERE id < 3")
    clustering = open_clustering(planted.workspace, RUN)
    labels = planted.labels[2]
    table = cluster_table(clustering).set_index("cluster")
    for cluster in clustering.ids:
        told = {int(slide) for slide in clustering.index.slide[labels == cluster] if slide < 3}
        assert (table.loc[cluster, "n_patients"], table.loc[cluster, "n_sites"]) == (len(told), int(bool(told)))
        by_patient = [int((clustering.index.slide[labels == cluster] == slide).sum()) for slide in (1, 2)]
        assert table.loc[cluster, "top_patient_share"] == pytest.approx(max(by_patient) / (labels == cluster).sum())
    assert table["n_patients"].max() == 2
    assert table["top_site_share"].isna().all()  # there is but one


def test_the_largest_cluster_comes_first(clustering: Clustering) -> None:
    sizes = cluster_table(clustering)["size"].to_numpy()
    assert (np.diff(sizes) <= 0).all()
    assert sizes[0] > sizes[-1]


def test_stability_tells_of_the_run_and_not_of_what_people_did(planted: Planted) -> None:
    as_found = cluster_table(open_clustering(planted.workspace, RUN)).set_index("cluster")["stability"]
    first, second, third = as_found.index[:3]
    merge_clusters(planted.workspace, RUN, 2, [int(first), int(second)], author="Dr Virchow")
    tiles = np.flatnonzero(planted.labels[2] == third)[:1]
    exclude_tiles(planted.workspace, RUN, 2, tiles, author="Dr Virchow")  # one of many
    edited = cluster_table(curated_clustering(planted.workspace, RUN)).set_index("cluster")["stability"]
    assert np.isnan(edited[first])
    assert edited[third] == as_found[third]
    others = as_found.index[2:]
    np.testing.assert_array_equal(edited[others], as_found[others])


def test_the_first_clustering_has_no_stability(planted_once: Planted) -> None:
    table = cluster_table(open_clustering(planted_once.workspace, RUN, 0))
    assert table["stability"].isna().all()
    assert len(table) > 3


def test_colours_are_told_apart_and_the_unassigned_are_grey() -> None:
    assert len({colour(i) for i in range(100)}) == 100
    assert colour(-1) == "#9aa0a6"
    found = colours(np.array([0, -1, 50]))
    assert [f"#{bytes(row).hex()}" for row in found] == [colour(0), colour(-1), colour(50)]
    assert colours(np.array([], np.int64)).shape == (0, 3)
    shades = colours(np.arange(12)).astype(int)
    apart = np.abs(shades[:, None] - shades[None]).sum(axis=2) + 1000 * np.eye(12, dtype=int)
    assert apart.min() > 40
