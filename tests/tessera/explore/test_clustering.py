from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tessera.config import RunConfig
from tessera.demo.synthetic import draw_slide
from tessera.errors import RunError
from tessera.explore.clustering import open_clustering
from tessera.ingest.pipeline import ingest
from tessera.runs import control
from tessera.workspace.run_folder import Clusters

from tests.tessera.planted import INGEST, RUN, Planted, set_interval


def test_the_last_complete_clustering_is_shown_and_older_ones_on_demand(planted: Planted) -> None:
    last = open_clustering(planted.workspace, RUN)
    assert last.interval == 2
    np.testing.assert_array_equal(last.labels, planted.labels[2])
    np.testing.assert_array_equal(open_clustering(planted.workspace, RUN, 0).labels, planted.labels[0])
    assert last.ids.tolist() == sorted(set(planted.labels[2].tolist()) - {-1})
    assert last.sizes.tolist() == [int((planted.labels[2] == i).sum()) for i in last.ids]
    for cluster in last.ids:
        np.testing.assert_array_equal(last.members(cluster), np.flatnonzero(planted.labels[2] == cluster))
    assert len(last.members(10**6)) == 0


def test_files_that_the_ledger_does_not_vouch_for_are_not_shown(planted: Planted) -> None:
    set_interval(planted.workspace, 1, "running")  # killed after the files of 2 were written
    assert open_clustering(planted.workspace, RUN).interval == 1
    with pytest.raises(RunError, match="intervals 0 to 1, not 2"):
        open_clustering(planted.workspace, RUN, 2)


def test_what_is_not_there_is_said(planted: Planted) -> None:
    with pytest.raises(RunError, match="not -1"):
        open_clustering(planted.workspace, RUN, -1)
    with pytest.raises(RunError, match="no run nobody"):
        open_clustering(planted.workspace, "nobody")
    control.create(planted.workspace, RunConfig.of({"clustering.clusters": 2}), "young")
    with pytest.raises(RunError, match="no clusters yet"):
        open_clustering(planted.workspace, "young")


def test_a_view_keeps_its_tiles_while_the_cohort_grows(planted: Planted, tmp_path: Path) -> None:
    before = open_clustering(planted.workspace, RUN, 1)
    ingest(planted.workspace, [draw_slide(tmp_path / "new.svs", seed=9, width=704, height=640).path], INGEST)
    assert planted.workspace.n_tiles() > planted.n
    for clustering in (before, open_clustering(planted.workspace, RUN, 0)):
        assert len(clustering.labels) == len(clustering.index) == len(clustering.store) == planted.n


def test_a_clustering_without_any_assigned_tile_is_shown_empty(planted: Planted) -> None:
    folder, nobody = planted.workspace.run_folder(RUN), np.full(planted.n, -1, np.int32)
    none = Clusters(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 8), np.float32))
    folder.save_distances(3, np.full(planted.n, np.nan))
    folder.save_interval(3, nobody, none)
    set_interval(planted.workspace, 3, "finished")
    assert len(open_clustering(planted.workspace, RUN).ids) == 0
