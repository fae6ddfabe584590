from __future__ import annotations

import pytest
from tessera.curate.decisions.decide import mark_cluster, name_cluster
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.curate.looks import cluster_looks
from tessera.errors import ConfigError

from tests.tessera.planted import RUN, Planted


def test_two_clusters_of_one_name_are_one_colour_and_a_cluster_without_one_has_none(planted: Planted) -> None:
    workspace = planted.workspace
    for cluster, name, author in ((0, "tumour", "A"), (3, "tumour", "B"), (6, "stroma", "B"), (9, "fold", "A")):
        name_cluster(workspace, RUN, 2, cluster, name, author=author)
    mark_cluster(workspace, RUN, 2, 9, "artefact", author="A")
    state, ids = state_of(workspace, RUN), [0, 6, 9, 3, 12]
    looks = cluster_looks(state, ids)
    assert looks.colours[0] == looks.colours[3] != looks.colours[1]
    assert looks.colours[4] == looks.colours[2] == ""  # the page's own greys, by day and by night
    assert looks.shapes == [0, 0, 3, 0, 0]
    assert looks.names == ["tumour", "stroma", "fold", "tumour", ""]
    by_reader = cluster_looks(state, ids, "reader", history(workspace, RUN))
    assert by_reader.colours[0] == by_reader.colours[2] != by_reader.colours[1] == by_reader.colours[3]
    assert by_reader.colours[4] == ""
    assert cluster_looks(state, ids, "kind").shapes == [0, 0, 3, 0, 0]
    assert len(set(cluster_looks(state, ids, "cluster").colours)) == 5
    with pytest.raises(ConfigError, match="choose one of"):
        cluster_looks(state, ids, "taste")
