"""Later tiles in the clusters of a finished run: copies of earlier tiles must come where those are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tessera.cli import main
from tessera.config import IngestConfig
from tessera.curate.decisions import decide
from tessera.errors import RunError
from tessera.explore.clustering import open_clustering
from tessera.explore.clusters import cluster_table
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.reuse.assign import assign
from tessera.learn.reuse.trained import load_trained
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace.folder import Workspace

from tests.tessera.learn.methods.test_methods import SIMCLR, V1, V2

CONFIGS = {
    "v1": V1.but(epochs=1),
    "v2": V2.but(epochs=1),
    "simclr": SIMCLR.but(epochs=1),
    "v2-centred": V2.but({"features.normalisation": "centre"}, epochs=1),
}


def finish(workspace: Workspace, name: str, kind: str) -> None:
    run = control.create(workspace, CONFIGS[kind], name)
    reporter = Reporter(workspace, run)
    with Trainer(workspace, run, reporter) as trainer:
        trainer.run()
    reporter.state("finished")


@pytest.fixture
def copies(textures: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(textures, tmp_path / "copies"))


@pytest.mark.parametrize("kind", CONFIGS)
def test_copies_of_tiles_come_into_the_clusters_of_their_originals(ready: Workspace, copies: Path, kind: str) -> None:
    finish(ready, "r", kind)
    n = control.get(ready, "r").n_tiles
    ingest_tiles(ready, copies, IngestConfig(tile_px=64))
    found = assign(ready, "r")
    assert (found.run, found.n_before, found.n_placed, found.n_unreadable) == ("r-assigned", n, n, 0)
    assert sum(found.sizes.values()) == n
    clustering = open_clustering(ready, "r-assigned")
    np.testing.assert_array_equal(clustering.labels[:n], ready.run_folder("r").assignment(1))
    assert (
        clustering.labels[n:] == clustering.labels[:n]
    ).mean() > 0.99  # another batch order may move a tile on a border
    np.testing.assert_allclose(clustering.distances[n:], clustering.distances[:n], atol=0.01)
    np.testing.assert_allclose(
        np.asarray(ready.run_folder("r-assigned").open_bank(), np.float32)[n:],
        np.asarray(ready.run_folder("r").open_bank(), np.float32),
        atol=0.01,
    )
    assert cluster_table(clustering)["size"].sum() == 2 * n
    assert load_trained(ready, control.get(ready, "r-assigned")).interval == 0
    assert control.get(ready, "r").n_tiles == n


def test_a_second_call_takes_the_next_name_and_goes_on_from_either_run(ready: Workspace, copies: Path) -> None:
    finish(ready, "r", "v2")
    ingest_tiles(ready, copies, IngestConfig(tile_px=64))
    assert [assign(ready, "r").run for _ in range(2)] == ["r-assigned", "r-assigned-2"]
    store = TileStore(ready.tiles_path)
    broken = len(store)
    store.append([record_batch(broken, 1, [(0, 0, 64, -1, "broken", b"no jpeg")])])
    with ready.ledger.write() as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'n_tiles'", (str(broken + 1),))
    found = assign(ready, "r-assigned", to="third")
    assert (found.run, found.n_placed, found.n_unreadable) == ("third", 0, 1)
    assert open_clustering(ready, "third").labels[broken] == -1


def test_tiles_beyond_their_clusters_own_tiles_are_counted_as_far(ready: Workspace, copies: Path) -> None:
    finish(ready, "r", "v1")
    n = control.get(ready, "r").n_tiles
    ingest_tiles(ready, copies, IngestConfig(tile_px=64))
    assert assign(ready, "r").n_far < 0.1 * n  # copies are as near as their originals
    distances = ready.run_folder("r").distances(1)
    ready.run_folder("r").save_distances(1, distances * np.float16(0.1))  # as if the run's tiles had lain nearer
    assert assign(ready, "r").n_far > 0.5 * n


def test_what_cannot_be_placed_is_refused(ready: Workspace, copies: Path) -> None:
    control.create(ready, CONFIGS["v2"], "young")
    with pytest.raises(RunError, match="when it is finished"):
        assign(ready, "young")
    finish(ready, "r", "v2")
    with pytest.raises(RunError, match="no tiles later"):
        assign(ready, "r")
    ingest_tiles(ready, copies, IngestConfig(tile_px=64))
    with pytest.raises(RunError, match="already"):
        assign(ready, "r", to="young")


def test_the_command_ingests_and_places(ready: Workspace, copies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish(ready, "r", "v2")
    named = int(ready.run_folder("r").clusters(1).ids[0])
    decide.name_cluster(ready, "r", 1, named, "fat", author="Ada")
    words = ["assign", "r", "--tiles", str(copies), "--to", "later", "--workspace", str(ready.root), "--json"]
    assert main.main(words) == 0
    assert '"n_placed": 200' in capsys.readouterr().out
    assert control.get(ready, "later").state == "finished"
    assert decide.names(ready, "later") == {named: "fat"}
