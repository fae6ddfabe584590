"""A look: a run like any other that trains nothing, from its settings to names, new tiles and bad input."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from tessera.config import IngestConfig, RunConfig
from tessera.errors import ConfigError, RunError
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.evaluate import metrics
from tessera.learn.look import create_look, look_config
from tessera.learn.reuse.assign import assign
from tessera.learn.reuse.partition import partition
from tessera.learn.train import trainer
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

TINY = {"encoder.name": "tiny", "encoder.weights": "random", "tile_px": 64, "device": "cpu", "threads": 1}


def look(workspace: Workspace, name: str = "look-1", **options: object) -> control.Run:
    changes = {**TINY, **dict(options.pop("changes", {}))}  # type: ignore[call-overload]
    create_look(workspace, name, changes=changes, **options)  # type: ignore[arg-type]
    trainer.work(workspace, name)
    return control.get(workspace, name)


def test_textures_are_found_by_frozen_features(ready: Workspace) -> None:
    run = look(
        ready, clusterer="leiden", changes={"encoder.name": "tf_efficientnet_lite0", "encoder.weights": "imagenet"}
    )
    assert run.state == "finished"
    labels = ready.run_folder("look-1").assignment(0)
    truth = TileStore(ready.tiles_path).index().label
    assert metrics.ami(labels, truth, np.random.default_rng(0)) > 0.9
    assert ready.run_folder("look-1").origin()["licence"] == "Apache-2.0"
    said = [event.text for event in control.events(ready, "look-1")]
    assert any(text.startswith("clustered by leiden: as asked") for text in said)


def test_a_look_can_be_clustered_anew_assigned_to_and_shares_its_features(ready: Workspace, tmp_path: Path) -> None:
    look(ready, clusters=5, clusterer="kmeans")
    made = partition(ready, "look-1", clusterer="rcc", clusters=4)
    assert made.n_clusters == 4
    later = tmp_path / "later"
    later.mkdir()
    rng = np.random.default_rng(3)
    for i in range(6):
        tile = rng.integers(100, 200, (64, 64, 3), dtype=np.uint8)
        (later / f"{i}.jpg").write_bytes(simplejpeg.encode_jpeg(tile))
    ingest_tiles(ready, later, IngestConfig(tile_px=64))
    assert assign(ready, "look-1").n_placed == 6
    features = list((ready.root / "features").iterdir())
    assert len(features) == 1


def test_the_same_look_gives_the_same_clusters(ready: Workspace) -> None:
    look(ready, "one", clusterer="rcc")
    look(ready, "two", clusterer="rcc")
    first, second = (ready.run_folder(name).assignment(0) for name in ("one", "two"))
    np.testing.assert_array_equal(first, second)


def test_training_starts_from_the_looked_at_clusters_and_keeps_their_ids(ready: Workspace) -> None:
    look(ready, clusters=5, clusterer="leiden")
    found = ready.run_folder("look-1").assignment(0)
    renamed = np.array([40, 7, 3, 12, 9], np.int32)[found]
    config = RunConfig.of(
        {"method": "deepcluster", "encoder.name": "tiny", "encoder.weights": "random", "clustering.clusters": 5},
        epochs=0,
        tile_px=64,
        device="cpu",
        threads=1,
    )
    control.create(ready, config, "trained")
    ready.run_folder("trained").save_start(renamed)
    trainer.work(ready, "trained")
    ids = ready.run_folder("trained").assignment(0)
    assert set(np.unique(ids).tolist()) <= {40, 7, 3, 12, 9}
    assert (ids == renamed).mean() > 0.8


def test_a_number_is_reached_and_a_free_count_is_left_to_the_clusterer(ready: Workspace) -> None:
    look(ready, "three", clusters=3, clusterer="rcc")
    assert len(np.unique(ready.run_folder("three").assignment(0))) == 3
    free, why = look_config(1000)
    assert free.clustering.count == "free"
    assert free.epochs == 0
    assert "finds the count" in why
    asked, why = look_config(1000, clusters=7, clusterer="kmeans")
    assert (asked.clustering.clusters, asked.clustering.count) == (7, "target")
    assert "as asked; 7 clusters asked for" in why
    assert look_config(1000, changes={"encoder": "uni2-h"})[0].tile_px == 224


@pytest.mark.slow
def test_a_look_that_is_killed_resumes(ready: Workspace) -> None:
    create_look(ready, "k", clusterer="kmeans", changes={**TINY, "features.views": 8})
    pid = control.launch(ready, "k")
    while control.get(ready, "k").state == "queued":
        time.sleep(0.05)
    import os

    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    trainer.work(ready, "k")
    assert control.get(ready, "k").state == "finished"
    look(ready, "whole", clusterer="kmeans", changes={"features.views": 8})
    np.testing.assert_array_equal(ready.run_folder("k").assignment(0), ready.run_folder("whole").assignment(0))


def tiles_of_one_kind(workspace: Workspace, folder: Path, n: int, kind: str) -> Workspace:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(n):
        tile = np.full((64, 64, 3), (200, 120, 160), np.uint8)
        if kind == "noise":
            tile = rng.integers(0, 256, tile.shape, dtype=np.uint8)
        elif kind == "nearly":
            tile[0, 0] = i % 256
        (folder / f"{i}.png").write_bytes(_png(tile))
    ingest_tiles(workspace, folder, IngestConfig(tile_px=64))
    return workspace


def _png(tile: np.ndarray) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", tile[..., ::-1])[1])


def test_three_tiles_are_too_few(workspace: Workspace, tmp_path: Path) -> None:
    tiles_of_one_kind(workspace, tmp_path / "t", 3, "noise")
    with pytest.raises(RunError, match="3 tiles are too few"):
        create_look(workspace, changes=TINY)


@pytest.mark.parametrize("clusterer", ["leiden", "rcc", "kmeans"])
def test_tiles_of_one_colour_are_one_cluster_and_no_crash(workspace: Workspace, tmp_path: Path, clusterer: str) -> None:
    tiles_of_one_kind(workspace, tmp_path / "t", 30, "nearly")
    run = look(workspace, clusterer=clusterer)
    assert run.state == "finished"
    assert (workspace.run_folder("look-1").assignment(0) >= 0).all()


def test_more_clusters_than_tiles_are_refused(ready: Workspace) -> None:
    with pytest.raises(ConfigError, match="too many for 200 tiles: choose at most 100"):
        create_look(ready, clusters=5000, changes=TINY)
    with pytest.raises(ConfigError, match="a look trains nothing"):
        create_look(ready, changes={**TINY, "epochs": 3})
    assert not list((ready.root / "runs").glob("look*"))


def test_weights_that_fit_in_part_are_said_by_the_run(ready: Workspace, tmp_path: Path) -> None:
    from safetensors.torch import save_file
    from tessera.learn.nets.encoders import build_encoder

    state = build_encoder("tiny", weights="random", seed=3).backbone.state_dict()
    save_file({key: value for key, value in state.items() if not key.startswith("2.")}, tmp_path / "w.safetensors")
    weights = {"encoder.weights": str(tmp_path / "w.safetensors")}
    create_look(ready, "strict", clusterer="kmeans", changes={**TINY, **weights})
    with pytest.raises(ConfigError, match="do not fit encoder=tiny"):
        trainer.work(ready, "strict")
    assert "2.0.weight" in control.get(ready, "strict").message
    look(ready, "part", clusterer="kmeans", changes={**weights, "encoder.allow_partial": True})
    assert any("fitted in part" in event.text for event in control.events(ready, "part"))
    assert "2.0.weight" in ready.run_folder("part").origin()["left_out"]
