"""The whole loop on drawn textures with known classes, in its real worker process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tessera.config import RunConfig
from tessera.errors import ConfigError, RunError
from tessera.learn.evaluate.metrics import ami
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

CONFIG = RunConfig.of(
    {"features.pca_dim": 8, "clustering.clusters": 8, "optimiser.learning_rate": 0.1},
    method="deepcluster",
    encoder="tiny",
    epochs=3,
    tile_px=32,
    batch_size=32,
    threads=1,
    device="cpu",
)
V2 = CONFIG.but(
    {"method.projection_dim": 32, "features.normalisation": "centre"}, method="deepcluster-v2", batch_size=16, epochs=4
)
SIMCLR = CONFIG.but(method="simclr", epochs=4)
BOTH = pytest.mark.parametrize("config", [CONFIG, V2, SIMCLR], ids=["v1", "v2", "simclr"])


def wait_until(check: Callable[[], bool], seconds: float = 400) -> None:
    ends = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < ends, "waited too long"
        os.sched_yield()


def finished(workspace: Workspace, name: str) -> bool:
    run = control.get(workspace, name)
    assert run.state != "failed", run.message + control.log_tail(workspace, name)
    return run.state == "finished"


def train(workspace: Workspace, config: RunConfig, name: str) -> None:
    control.create(workspace, config, name)
    control.launch(workspace, name)
    wait_until(lambda: finished(workspace, name))


def results(workspace: Workspace, name: str) -> tuple[list[bytes], list[tuple[int, float]]]:
    folder = workspace.run_folder(name)
    labels = [folder.assignment(interval).tobytes() for interval in folder.intervals()]
    losses = [(m.step, m.value) for m in control.metrics(workspace, name) if m.name == "loss"]
    return labels, sorted(losses)


@BOTH
@pytest.mark.slow
def test_known_textures_are_found_and_figures_are_there(ready: Workspace, config: RunConfig) -> None:
    train(ready, config, "r")
    folder = ready.run_folder("r")
    assert folder.intervals() == list(range(config.epochs + 1))
    labels = TileStore(ready.tiles_path).index().label.astype(np.int32)
    found = folder.assignment(config.epochs)
    table = np.zeros((found.max() + 1, labels.max() + 1))
    np.add.at(table, (found, labels), 1)
    assert table.max(axis=1).sum() / len(labels) > 0.95  # purity
    assert ami(found, labels, np.random.default_rng(0)) > 0.75  # 8 clusters for 5 classes: cannot be 1
    figures = {(m.name, m.interval) for m in control.metrics(ready, "r")}
    assert {
        ("nmi", 1),
        ("nmi", 2),
        ("nmi", 3),
        ("ami_labels", 0),
        ("objective", 3),
        ("tiles_per_second", 2),
        ("ari_labels", 2),
    } <= figures
    assert ("nmi", 0) not in figures
    assert (("prediction_entropy", 1) in figures) is (config.method.name != "simclr")  # only a head predicts
    clusters = folder.clusters(config.epochs)
    assert clusters.sizes.sum() == len(labels)
    np.testing.assert_array_equal(np.unique(found), np.sort(clusters.ids[clusters.sizes > 0]))


@BOTH
@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_bits(ready: Workspace, config: RunConfig) -> None:
    train(ready, config, "undisturbed")
    control.create(ready, config, "killed")
    for interval in (0, 1):
        pid = control.launch(ready, "killed")
        wait_until(lambda wanted=interval: control.get(ready, "killed").interval >= wanted)  # type: ignore[misc]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not control.get(ready, "killed").alive)
    assert control.get(ready, "killed").state == "failed"
    control.request(ready, "killed", "run")
    wait_until(lambda: finished(ready, "killed"))
    assert results(ready, "killed") == results(ready, "undisturbed")


@pytest.mark.slow
def test_pause_resume_stop(ready: Workspace) -> None:
    control.create(ready, CONFIG.but(epochs=500), "long")
    control.launch(ready, "long")
    wait_until(lambda: control.get(ready, "long").interval >= 1)
    control.request(ready, "long", "pause")
    wait_until(lambda: control.get(ready, "long").state == "paused")
    held = control.get(ready, "long").interval
    control.request(ready, "long", "run")
    wait_until(lambda: control.get(ready, "long").interval > held)
    control.request(ready, "long", "stop")
    wait_until(lambda: control.get(ready, "long").state == "stopped" and not control.get(ready, "long").alive)
    control.request(ready, "long", "run")
    wait_until(lambda: control.get(ready, "long").state == "running")
    control.request(ready, "long", "stop")
    wait_until(lambda: not control.get(ready, "long").alive)


@pytest.mark.slow
def test_a_failure_is_told_in_the_run(ready: Workspace) -> None:
    control.create(ready, CONFIG.but(encoder="resnet1800"), "wrong")
    control.launch(ready, "wrong")
    wait_until(lambda: control.get(ready, "wrong").state == "failed")
    assert "timm knows no such model" in control.get(ready, "wrong").message


def test_runs_that_cannot_be_are_refused(ready: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too many for 200 tiles"):
        control.create(ready, RunConfig.of({"clustering.clusters": 150}))
    control.create(ready, CONFIG, "a")
    with pytest.raises(RunError, match="already"):
        control.create(ready, CONFIG, "a")
    with pytest.raises(RunError, match="cannot name"):
        control.create(ready, CONFIG, "../a")
    with pytest.raises(RunError, match="no run"):
        control.get(ready, "none")
    with pytest.raises(RunError, match="no tiles"):
        control.create(Workspace.create(tmp_path / "empty"), CONFIG)
