"""A finished run clustered anew: the new run can be explored, named and exported; comparisons tell what they should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tessera.cli import main
from tessera.config import IngestConfig, RunConfig
from tessera.curate.decisions import decide
from tessera.curate.export.write import export
from tessera.errors import ConfigError, RunError
from tessera.explore.clustering import open_clustering
from tessera.explore.clusters import cluster_table
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.evaluate.compare import agreement, comparable, compare, describe
from tessera.learn.evaluate.stability import stability
from tessera.learn.features.whitening import unwhitened
from tessera.learn.reuse.assign import assign
from tessera.learn.reuse.partition import partition
from tessera.learn.reuse.trained import load_trained
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.workspace.folder import Workspace

from tests.tessera.learn.cluster.test_clusterers import FREE, sphere_blobs

UNTRAINED = RunConfig.of(
    {"features.pca_dim": 8, "clustering.clusters": 8},
    method="deepcluster",
    encoder="tiny",
    epochs=0,
    tile_px=32,
    batch_size=32,
    threads=1,
    device="cpu",
)


@pytest.fixture
def done(ready: Workspace) -> Workspace:
    """A run of no epochs: the features of the starting weights, clustered."""
    reporter = Reporter(ready, control.create(ready, UNTRAINED, "r"))
    with Trainer(ready, control.get(ready, "r"), reporter) as trainer:
        trainer.run()
    reporter.state("finished")
    return ready


def test_a_partition_is_explored_named_and_exported_like_a_run(done: Workspace, tmp_path: Path) -> None:
    done.run_folder("r").save_projection(0, np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32))
    made = partition(done, "r", clusterer="rcc", changes={"clustering.clusterer.lambda_scale": 2.5})
    assert made.name == "r-rcc-1"
    run = control.get(done, made.name)
    assert (run.state, run.interval, run.config.source, run.config.epochs) == ("finished", 0, "r", 0)
    assert run.config.clustering.clusterer.lambda_scale == 2.5
    clustering = open_clustering(done, made.name)
    assert len(clustering.ids) == made.n_clusters
    assert clustering.sizes.sum() == made.n_tiles == 200
    assert cluster_table(clustering)["size"].sum() == 200
    ours, theirs = done.run_folder(made.name), done.run_folder("r")
    with_kmeans = done.run_folder(partition(done, "r", clusterer="kmeans").name)
    np.testing.assert_array_equal(with_kmeans.open_bank(), theirs.open_bank())
    network = load_trained(done, control.get(done, "r")).normalisation
    assert network is not None
    as_it_was = unwhitened(network)[1].apply(
        theirs.open_bank()
    )  # what k-means has whitened, neighbours take unwhitened
    np.testing.assert_allclose(ours.open_bank(), as_it_was, atol=2e-3)
    np.testing.assert_array_equal(ours.projection(0), theirs.projection(0))
    decide.name_cluster(done, made.name, 0, int(clustering.ids[0]), "stroma", author="a")
    assert decide.names(done, made.name) == {int(clustering.ids[0]): "stroma"}
    report = export(done, made.name, tmp_path / "out", clusters="all")
    assert report.n_tiles == 200
    with pytest.raises(RunError, match="finished"):
        control.request(done, made.name, "run")


def test_ids_are_those_of_the_clusters_that_continue(done: Workspace) -> None:
    made = partition(done, "r", clusterer="kmeans", name="again")
    first, second = done.run_folder("r").assignment(0), done.run_folder("again").assignment(0)
    assert made.figures["ami_source"] > 0.5
    assert (first == second).mean() > 0.5
    assert {m.name for m in control.metrics(done, "again")} >= {"ami_source", "clusters", "objective"}
    asked = partition(done, "r", clusterer="rcc", clusters=4)
    assert asked.n_clusters == 4
    of_partition = partition(done, asked.name, clusterer="pic")
    assert of_partition.source == asked.name


def test_what_cannot_be_clustered_anew_is_refused(done: Workspace) -> None:
    control.create(done, UNTRAINED, "queued")
    with pytest.raises(RunError, match="queued: only a finished run"):
        partition(done, "queued", clusterer="rcc")
    with pytest.raises(RunError, match="already"):
        partition(done, "r", clusterer="rcc", name="queued")
    with pytest.raises(ConfigError, match="--with"):
        partition(done, "r", clusterer="rcc", changes={"epochs": 3})
    with pytest.raises(ConfigError, match="tessera cluster r"):
        control.create(done, UNTRAINED.but(source="r"))
    with pytest.raises(ConfigError, match="101 is too many for 200 tiles: choose at most 100"):
        partition(done, "r", clusterer="rcc", clusters=101)
    with pytest.raises(ConfigError, match="give one"):
        partition(done, "r", clusterer="rcc", clusters=8, changes={"clustering.count": "free"})
    assert len(control.list_runs(done)) == 2


def test_a_clustering_that_fails_leaves_nothing_behind(done: Workspace) -> None:
    bank = done.run_folder("r").open_bank((200, 8))
    bank[7] = np.nan
    bank.flush()
    with pytest.raises(RunError, match="finite"):
        partition(done, "r", clusterer="leiden")
    assert sorted(path.name for path in done.run_folder("r").root.parent.iterdir()) == ["r"]


def test_a_folder_left_behind_by_a_kill_is_taken_over(done: Workspace) -> None:
    folder = done.run_folder("r-rcc-1")
    folder.adopt(done.run_folder("r"), 0)  # killed before the row was written
    assert partition(done, "r", clusterer="rcc").name == "r-rcc-1"


def test_command_line(done: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--workspace", str(done.root)]
    assert (
        main.main(["cluster", "r", "--with", "rcc", "--set", "clustering.clusterer.lambda_scale=8", "--json", *where])
        == 0
    )
    made = json.loads(capsys.readouterr().out)
    assert control.get(done, made["name"]).config.clustering.clusterer.lambda_scale == 8
    assert main.main(["cluster", "r", "--clusters", "5", "--as", "five", *where]) == 0
    assert "5 clusters of 200 tiles" in capsys.readouterr().out
    assert main.main(["compare", "r", "five", "--stability", *where]) == 0
    assert "with itself" in capsys.readouterr().out
    assert main.main(["compare", "r", made["name"], "--json", *where]) == 0
    assert set(json.loads(capsys.readouterr().out)["stability"]) == {"r"}  # what was measured is kept
    assert main.main(["cluster", "none", *where]) == 1
    assert main.main(["compare", "r", *where]) == 1
    assert "two runs or more" in capsys.readouterr().err


def test_comparison(done: Workspace) -> None:
    partition(done, "r", clusterer="rcc")
    found = compare(done, ["r", "r-rcc-1"])
    assert np.diag(found["ami"]).tolist() == [1, 1]
    assert found["ami"][0][1] == found["ami"][1][0]
    assert found["sizes"]["r"]["clusters"] == 8
    assert "r-rcc-1" in describe(found)
    assert comparable(done, "r") == found["runs"]
    one = np.repeat(np.arange(5, dtype=np.int32), 40)
    table = agreement([one, (one + 1) % 5, np.tile(np.arange(5, dtype=np.int32), 40)])
    assert table[0, 1] == pytest.approx(1)
    assert abs(table[0, 2]) < 0.05


def test_stability_is_whole_for_clear_blobs_and_low_for_none() -> None:
    points, _ = sphere_blobs(600, 5)
    clear = stability(points, FREE, np.random.default_rng(0), rounds=1)
    assert min(clear.drift, clear.bootstrap, clear.seed) > 0.95
    even = np.random.default_rng(0).normal(size=(600, 16))
    kmeans = FREE.but({"clustering.clusterer": "kmeans", "clustering.clusters": 20})
    blind = stability(even, kmeans, np.random.default_rng(0), size=1.0, rounds=1)
    assert max(blind.drift, blind.bootstrap) < 0.8


def test_a_partition_keeps_its_network_and_takes_later_tiles(done: Workspace, tmp_path: Path, textures: Path) -> None:
    made = partition(done, "r", clusterer="rcc")
    assert load_trained(done, control.get(done, made.name)).interval == 0
    later = tmp_path / "later"
    (later / "new").mkdir(parents=True)
    for number, tile in enumerate(sorted(textures.glob("*/1*.jpg"))):
        (later / "new" / f"{number}.jpg").write_bytes(tile.read_bytes() + b"\0")  # other bytes, the same picture
    ingest_tiles(done, later, IngestConfig(tile_px=64))
    placed = assign(done, made.name)
    assert placed.n_placed == number + 1
    assert control.get(done, placed.run).n_tiles == 200 + placed.n_placed
