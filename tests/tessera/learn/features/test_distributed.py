"""Two processes on one run learn what one would: the same clusters, and the same losses but for rounding."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tessera.config import RunConfig, as_dict
from tessera.learn.features.distributed import Ranks
from tessera.learn.features.whitening import Moments
from tessera.runs import control
from tessera.workspace.folder import Workspace

from tests.tessera.learn.train.test_run import BOTH, train

TOGETHER = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "tessera"]


def together(workspace: Workspace, *words: str) -> subprocess.Popen[bytes]:
    """torchrun with two processes on the CPU, on a command of ours."""
    return subprocess.Popen([sys.executable, *TOGETHER, *words, "--workspace", str(workspace.root)])


def settings(config: RunConfig, folder: Path) -> list[str]:
    path = folder / "settings.json"
    path.write_text(json.dumps(as_dict(config)))
    return ["--config", str(path)]


def curve(workspace: Workspace, name: str) -> list[float]:
    return [metric.value for metric in control.metrics(workspace, name) if metric.name == "loss"]


@pytest.mark.slow
@BOTH
def test_two_processes_learn_what_one_learns(
    ready: Workspace, config: RunConfig, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if config.method.name in ("deepcluster", "deepcluster-v2"):  # both held at b674df0
        request.applymarker(pytest.mark.xfail(reason="known defect of 0.2.0: one tile, and in v2 the losses, differ"))
    config, tolerance = config.but(precision="float32"), 2e-3
    if (
        config.method.name == "deepcluster-v2"
    ):  # its bank is float16: what is rounded otherwise grows with each interval
        config, tolerance = config.but({"optimiser.learning_rate": 0.02, "clustering.clusters": 5}, epochs=2), 1e-2
    elif config.method.name == "simclr":  # so does every difference at a high rate
        config = config.but({"optimiser.learning_rate": 0.02}, epochs=2)
    train(ready, config, "one")
    assert together(ready, "run", "--name", "two", *settings(config, tmp_path)).wait() == 0
    assert control.get(ready, "two").state == "finished"
    one, two = ready.run_folder("one"), ready.run_folder("two")
    for interval in range(config.epochs + 1):
        same = (one.assignment(interval) == two.assignment(interval)).mean()
        # features that nothing ties to clusters leave tiles on borders, which rounding moves
        assert same >= (1.0 if config.method.name != "simclr" else 0.97)
    np.testing.assert_allclose(curve(ready, "one"), curve(ready, "two"), rtol=tolerance)


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on(ready: Workspace, tmp_path: Path) -> None:
    config = RunConfig.of(
        {"clustering.clusters": 8, "features.pca_dim": 8},
        encoder="tiny",
        epochs=40,
        tile_px=32,
        batch_size=16,
        threads=1,
        device="cpu",
    )
    both = together(ready, "run", "--name", "two", *settings(config, tmp_path))
    ends = time.monotonic() + 300
    while not control.list_runs(ready) or control.get(ready, "two").interval < 1:
        assert both.poll() is None
        assert time.monotonic() < ends
        time.sleep(0.05)
    control.request(ready, "two", "stop")
    assert both.wait(200) == 0
    stopped = control.get(ready, "two")
    assert stopped.state == "stopped"
    with ready.ledger.write() as connection:
        connection.execute("UPDATE run SET want = 'run' WHERE name = 'two'")
    again = together(ready, "work", "two")
    while (run := control.get(ready, "two")).interval <= stopped.interval:
        assert again.poll() is None, run.message
        assert time.monotonic() < ends + 200
        time.sleep(0.05)
    control.request(ready, "two", "stop")
    assert again.wait(200) == 0
    assert "goes on at interval" in " ".join(event.text for event in control.events(ready, "two"))


def test_shares_are_whole_and_do_not_overlap() -> None:
    for world in (1, 2, 3, 7):
        rows = [np.arange(100)[Ranks(rank, world).share(100)] for rank in range(world)]
        np.testing.assert_array_equal(np.concatenate(rows), np.arange(100))


def test_moments_of_parts_join_to_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(90, 5)) * [1, 2, 3, 4, 5] + 1000).astype(np.float32)
    whole, joined = Moments(), Moments()
    whole.add(features)
    for rows in (slice(0, 20), slice(20, 20), slice(20, 90)):
        part = Moments()
        if rows.stop > rows.start:
            part.add(features[rows])
        joined.join(part)
    assert joined.n == whole.n
    np.testing.assert_allclose(joined.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(joined.covariance, whole.covariance, rtol=1e-9)
