"""Training with RCC in its real worker process.

K changes, heads follow, and a killed run goes on with the same bits.
"""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from tessera.learn.cluster.rcc.find import HELD
from tessera.learn.evaluate.metrics import ami
from tessera.learn.train import checkpoint
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

from tests.tessera.learn.train.test_run import CONFIG, finished, results, train, wait_until

RCC = CONFIG.but({"clustering.clusterer": "rcc", "clustering.count": "free"})


@pytest.mark.slow
def test_training_by_rcc_finds_textures_and_resumes_bit_equal(ready: Workspace) -> None:
    train(ready, RCC, "undisturbed")
    folder = ready.run_folder("undisturbed")
    labels = TileStore(ready.tiles_path).index().label.astype(np.int32)
    found = folder.assignment(RCC.epochs)
    assert ami(found, labels, np.random.default_rng(0)) > 0.6
    clusters = folder.clusters(RCC.epochs)
    assert clusters.sizes.min() >= RCC.clustering.min_cluster
    figures = {(m.name, m.interval): m.value for m in control.metrics(ready, "undisturbed")}
    assert figures["graph_recall", 0] == 1
    assert figures["clusters", RCC.epochs] == len(clusters.ids)
    saved = checkpoint.load_last(folder.checkpoint_path, control.get(ready, "undisturbed").digest)
    assert saved is not None
    assert saved.state["memory"][0][HELD].shape == (4,)

    control.create(ready, RCC, "killed")
    for interval in (0, 1):
        pid = control.launch(ready, "killed")
        wait_until(lambda wanted=interval: control.get(ready, "killed").interval >= wanted)  # type: ignore[misc]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not control.get(ready, "killed").alive)
    control.request(ready, "killed", "run")
    wait_until(lambda: finished(ready, "killed"))
    assert results(ready, "killed") == results(ready, "undisturbed")
