from __future__ import annotations

import os
import time

import numpy as np
import pytest
from tessera.config import RunConfig
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import exclude_tiles, mark_cluster, name_cluster
from tessera.curate.decisions.state import state_of
from tessera.curate.export.write import export
from tessera.curate.recluster import reject_and_recluster
from tessera.curate.transfer import carry_over
from tessera.errors import ConfigError, DecisionError, RunError, StoreError
from tessera.explore.clustering import open_clustering
from tessera.explore.neighbours import similar_to_tiles
from tessera.explore.projection import project
from tessera.learn.train.scope import scope
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

ME = "Dr Virchow"
TINY = RunConfig.of(
    {"clustering.clusters": 4, "features.pca_dim": 8, "clustering.min_cluster": 2},
    encoder="tiny",
    epochs=1,
    tile_px=32,
    batch_size=16,
    threads=1,
    device="cpu",
)
LEFT = [i for i in range(120) if i % 6 not in (2, 5) and i not in (0, 1)]


@pytest.fixture
def rejected(ready: Workspace) -> control.Run:
    """Cluster 5 was marked, 2 is rejected now, two tiles of others are excluded."""
    mark_cluster(ready, "r", 1, 5, "artefact", author=ME)
    exclude_tiles(ready, "r", 1, [0, 1], author=ME)
    return reject_and_recluster(ready, "r", [2], author=ME, config=TINY, name="clean", launch=False)


def test_the_new_run_learns_from_what_is_left(ready: Workspace, rejected: control.Run) -> None:
    assert ready.run_folder("clean").tiles().tolist() == LEFT  # type: ignore[union-attr]
    assert state_of(ready, "r").marks == {5: "artefact", 2: "artefact"}
    assert "42 tiles dropped, 78 left" in control.events(ready, "clean")[0].text
    assert rejected.n_tiles == 120  # its labels speak of all tiles
    assert ready.n_tiles() == 120


def test_a_worker_sees_numbers_from_nought_and_writes_tile_numbers(ready: Workspace, rejected: control.Run) -> None:
    run, folder, store = scope(ready, rejected)
    whole = TileStore(ready.tiles_path)
    assert (run.n_tiles, len(store), store.version) == (78, 78, whole.version)
    assert store.batch(np.array([77, 0, 0])) == whole.batch(np.array([LEFT[77], LEFT[0], LEFT[0]]))
    np.testing.assert_array_equal(store.index().label, whole.index().label[LEFT])
    assert store.rows(np.array([1]), ["tile_id"])["tile_id"].to_pylist() == [LEFT[1]]
    with pytest.raises(StoreError, match="not among them"):
        store.batch(np.array([78]))
    labels = np.arange(78, dtype=np.int32) % 3
    folder.save_interval(0, labels, Clusters(np.arange(3), np.full(3, 26), np.zeros((3, 8), np.float32)))
    folder.save_distances(0, np.arange(78))
    plain = ready.run_folder("clean")
    np.testing.assert_array_equal(plain.assignment(0)[LEFT], labels)
    assert (np.delete(plain.assignment(0), LEFT) == -1).all()
    assert np.isnan(np.delete(plain.distances(0), LEFT)).all()
    np.testing.assert_array_equal(folder.assignment(0), labels)
    np.testing.assert_array_equal(folder.distances(0), np.arange(78))
    plain.open_bank((78, 8))[:] = np.arange(78)[:, None]
    np.testing.assert_array_equal(plain.features(np.array([LEFT[5], LEFT[77]]))[:][:, 0], [5, 77])
    with pytest.raises(RunError, match="never seen"):
        plain.features(np.array([2]))


def test_what_cannot_be_is_refused(ready: Workspace) -> None:
    with pytest.raises(DecisionError, match="nothing is rejected"):
        reject_and_recluster(ready, "r", author=ME, config=TINY, launch=False)
    with pytest.raises(DecisionError, match="no cluster 9"):
        reject_and_recluster(ready, "r", [9], author=ME, config=TINY, launch=False)
    with pytest.raises(ConfigError, match="too many for 20 tiles"):
        reject_and_recluster(
            ready, "r", [0, 1, 2, 3, 4], author=ME, config=RunConfig.of({"clustering.clusters": 11}), launch=False
        )
    assert [run.name for run in control.list_runs(ready)] == ["r"]


@pytest.mark.slow
def test_from_artefact_to_new_clusters_with_their_names(ready: Workspace, rejected: control.Run) -> None:
    for cluster, name in ((0, "fat"), (1, "tumour"), (3, "stroma"), (4, "necrosis")):
        name_cluster(ready, "r", 1, cluster, name, author=ME)
    control.launch(ready, "clean")
    ends = time.monotonic() + 300
    while control.get(ready, "clean").state in ("queued", "running"):
        assert time.monotonic() < ends, control.log_tail(ready, "clean")
        os.sched_yield()
    assert control.get(ready, "clean").state == "finished", control.log_tail(ready, "clean")
    clustering = open_clustering(ready, "clean")
    assert clustering.interval == 1
    assert np.flatnonzero(clustering.labels >= 0).tolist() == LEFT
    assert clustering.sizes.sum() == 78
    xy = project(ready, "clean")
    assert np.flatnonzero(~np.isnan(xy[:, 0])).tolist() == LEFT
    assert set(similar_to_tiles(clustering, [LEFT[0]], 200).tiles.tolist()) == set(LEFT[1:])
    carry_over(ready, ("r", None), ("clean", None), author=ME)
    report = export(ready, "clean", ready.root / "exports" / "set", clusters="all")
    assert report.n_tiles == 78
    again = reject_and_recluster(ready, "clean", [int(clustering.ids[0])], author=ME, config=TINY, launch=False)
    kept = ready.run_folder(again.name).tiles()
    assert kept is not None
    assert set(kept.tolist()) == set(LEFT) - set(
        curated_clustering(ready, "clean").members(int(clustering.ids[0])).tolist()
    )
