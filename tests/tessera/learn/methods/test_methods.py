"""Both methods in this process: exact resume inside an interval, every normalisation, bad input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
import torch
from tessera.config import IngestConfig, RunConfig
from tessera.errors import ConfigError, RunError
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.methods.base import Method
from tessera.learn.methods.deepcluster_v2 import DeepClusterV2
from tessera.learn.train import checkpoint
from tessera.learn.train import trainer as loop
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.schedule import learning_rate
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace.folder import Workspace

V1 = RunConfig.of(
    {"features.pca_dim": 8, "clustering.clusters": 8},
    method="deepcluster",
    encoder="tiny",
    epochs=2,
    tile_px=32,
    batch_size=32,
    threads=1,
    device="cpu",
)
V2 = V1.but({"method.projection_dim": 16}, method="deepcluster-v2")
SIMCLR = V1.but({"method.projection_dim": 16}, method="simclr")
SWAV = V1.but({"method.projection_dim": 16, "method.prototypes": 12, "method.queue": 64}, method="swav")
BYOL = V1.but({"method.projection_dim": 16, "method.hidden_dim": 32}, method="byol")
COSINE = V1.but({"method.labels_every": 1, "clustering.clusters": 5}, method="deepcluster-cosine")
BOTH = pytest.mark.parametrize("config", [V1, V2], ids=["v1", "v2"])


class Killed(BaseException):
    """The end of a process, as far as this one can play it."""


class Mortal(Reporter):
    """A reporter that ends the worker at a batch."""

    dies_at = -1
    told = 0

    def heartbeat(self, phase: str, progress: float, rate: float) -> None:
        super().heartbeat(phase, progress, rate)
        self.told += phase == "training"
        if self.told == self.dies_at:
            raise Killed


def train(workspace: Workspace, name: str, *, dies_at: int = -1) -> None:
    run = control.get(workspace, name)
    reporter = Mortal(workspace, run)
    reporter.dies_at = dies_at
    with Trainer(workspace, run, reporter) as trainer:
        trainer.run()


def results(workspace: Workspace, name: str, heads: int = 1) -> tuple[list[bytes], list[tuple[int, float]], bytes]:
    folder = workspace.run_folder(name)
    labels = [folder.assignment(i, head=h).tobytes() for i in folder.intervals() for h in range(heads)]
    losses = [(m.step, m.value) for m in control.metrics(workspace, name) if m.name in ("loss", "prediction_entropy")]
    return labels, sorted(losses), np.asarray(folder.open_bank()).tobytes()


@pytest.mark.parametrize(
    "config",
    [
        V1.but(epochs=1, precision="float32"),
        V1.but({"sampling.window_tiles": 50}, epochs=1),
        V2.but({"method.heads": 2, "method.crops": 2}, epochs=1, precision="bfloat16"),
        V2.but({"method.crops": 2, "views.augment_on": "device"}, epochs=1),
        SIMCLR.but(epochs=1),
        SWAV.but(epochs=1),
        BYOL.but(epochs=1),
        COSINE.but(epochs=2),
    ],
    ids=["v1", "v1-windows", "v2", "v2-device-views", "simclr", "swav", "byol", "cosine"],
)
def test_killed_inside_an_interval_and_resumed_gives_the_same_bits(
    ready: Workspace, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1)
    monkeypatch.setattr(loop, "LOSS_STEPS", 3)
    control.create(ready, config, "undisturbed")
    heads = getattr(config.method, "heads", 1)
    train(ready, "undisturbed")
    control.create(ready, config, "killed")
    with pytest.raises(Killed):
        train(ready, "killed", dies_at=5)  # the last save is at batch 3; the bank is two batches ahead of it
    train(ready, "killed")
    assert results(ready, "killed", heads) == results(ready, "undisturbed", heads)


@BOTH
@pytest.mark.parametrize(
    ("kind", "balance"), [("pca-whiten", "loss-weight"), ("centre", "uniform"), ("none", "natural")]
)
def test_settings_work_in_both_methods(ready: Workspace, config: RunConfig, kind: str, balance: str) -> None:
    chosen = config.but(
        {"features.normalisation": kind, "sampling.balance": balance, "sampling.interval_tiles": 96}, epochs=1
    )
    control.create(ready, chosen, "r")
    train(ready, "r")
    losses = [m.value for m in control.metrics(ready, "r") if m.name == "loss"]
    assert len(losses) == 1
    assert np.isfinite(losses).all()
    assert max(m.step for m in control.metrics(ready, "r")) == 3  # 96 tiles, 32 a batch
    labels = ready.run_folder("r").assignment(1)
    assert labels.min() >= 0
    assert len(np.unique(labels)) == 8


@pytest.mark.parametrize("kind", ["grey-sobel", "haematoxylin"])
def test_other_inputs_are_learnt_from(ready: Workspace, kind: str) -> None:
    control.create(ready, V2.but({"encoder.input": kind}, epochs=1), "r")
    train(ready, "r")
    assert control.get(ready, "r").interval == 1


def test_v2_reads_all_tiles_only_at_the_first_and_last_clustering(ready: Workspace) -> None:
    control.create(ready, V2.but(epochs=3), "r")
    seen: list[str] = []

    class Listening(Mortal):
        def heartbeat(self, phase: str, progress: float, rate: float) -> None:
            if not seen or seen[-1] != phase:
                seen.append(phase)
            super().heartbeat(phase, progress, rate)

    run = control.get(ready, "r")
    with Trainer(ready, run, Listening(ready, run)) as trainer:
        trainer.run()
    middle = ["training", "clustering"] * 2
    assert seen == ["reading features", "clustering", *middle, "training", "reading features", "clustering"]


def test_v2_head_is_the_centroids_and_the_memory_holds_what_training_saw(ready: Workspace) -> None:
    control.create(ready, V2.but({"method.crops": 2, "method.heads": 2}, epochs=3), "r")
    run = control.get(ready, "r")
    with Trainer(ready, run, Mortal(ready, run)) as trainer:
        trainer._cluster(0)
        method = trainer.method
        assert isinstance(method, DeepClusterV2)
        before = [np.array(memory) for memory in method.memories]
        np.testing.assert_array_equal(before[0], before[1])
        members = before[0][ready.run_folder("r").assignment(0) == ready.run_folder("r").clusters(0).ids[0]]
        mean = members.astype(np.float32).mean(axis=0)  # the first classes, as the projector sees them
        np.testing.assert_allclose(method.prototypes[0][0].numpy(), mean / np.linalg.norm(mean), atol=1e-3)
        trainer._train()
        after = [np.array(memory) for memory in method.memories]
        assert all((new != old).any(axis=1).mean() > 0.5 for new, old in zip(after, before, strict=True))
        assert (after[0] != after[1]).any()  # one memory a view
        trainer._cluster(1)
        for head in range(2):
            centroids = ready.run_folder("r").clusters(1, head=head).centroids
            np.testing.assert_allclose(method.prototypes[head].numpy(), centroids, atol=1e-6)
            np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-5)


def test_first_classes_of_v2_are_met_again_in_training(ready: Workspace) -> None:
    """Until b674df0 the first bank was of a space that training never sees: 8-16 % of tiles were nearest their own."""
    control.create(ready, V2, "r")
    run = control.get(ready, "r")
    with Trainer(ready, run, Mortal(ready, run)) as trainer:
        trainer._cluster(0)
        method = trainer.method
        assert isinstance(method, DeepClusterV2)
        cosines = method.prototypes[0] @ method.prototypes[0].T
        assert float(cosines[~torch.eye(len(cosines), dtype=torch.bool)].mean()) < 0.7
        method.train()
        rows = trainer._rows_of_heads()[0]
        mixed = np.random.default_rng(0).permutation(run.n_tiles)[:128]
        batch = next(trainer.loader.plain(mixed, 128))
        with torch.no_grad():
            nearest = (method.embedder(torch.from_numpy(batch.images)) @ method.prototypes[0].T).argmax(dim=1)
        assert (nearest.numpy() == rows[batch.ids]).mean() > 0.5


def test_a_look_trains_nothing_and_ends_after_one_clustering(ready: Workspace) -> None:
    look = V1.but(method="look")
    assert look.epochs == 0
    control.create(ready, look, "r")
    train(ready, "r")
    assert ready.run_folder("r").intervals() == [0]
    assert not [m for m in control.metrics(ready, "r") if m.name == "loss"]


def test_monitoring_clusterings_can_be_rarer_than_passes(ready: Workspace) -> None:
    control.create(ready, SIMCLR.but({"clustering.monitor_every": 2}, epochs=3), "r")
    train(ready, "r")
    assert ready.run_folder("r").intervals() == [0, 2, 3]
    assert {m.interval for m in control.metrics(ready, "r") if m.name == "nmi"} == {2, 3}
    assert control.get(ready, "r").interval == 3


def test_too_small_a_batch_for_a_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="simclr needs at least 16"):
        SIMCLR.but(batch_size=8)


def test_settings_of_methods_are_there_without_torch() -> None:
    script = (
        "import sys; from tessera.config import RunConfig, leaves, METHODS; list(leaves(RunConfig));"
        "[RunConfig.of(method=name) for name in METHODS]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


def test_v1_head_rows_of_continuing_clusters_can_be_kept(ready: Workspace) -> None:
    for keep in (False, True):
        control.create(ready, V1.but({"method.keep_head": keep}, epochs=1), f"keep-{keep}")
        run = control.get(ready, f"keep-{keep}")
        with Trainer(ready, run, Mortal(ready, run)) as trainer:
            trainer._cluster(0)
            trainer._train()
            head = trainer.method.head.weight.detach().clone()  # type: ignore[attr-defined]
            trainer._cluster(1)
            ids = ready.run_folder(run.name).clusters(0).ids.tolist()
            now = ready.run_folder(run.name).clusters(1).ids.tolist()
            pairs = [(now.index(i), ids.index(i)) for i in ids if i in now]
            assert pairs
            weight = trainer.method.head.weight  # type: ignore[attr-defined]
            assert all(torch.equal(weight[new], head[old]) for new, old in pairs) is keep


def test_the_rate_is_a_function_of_the_step() -> None:
    cosine = V2.but({"optimiser.learning_rate": 1.0, "optimiser.warmup": 0.1}, batch_size=256)
    rates = [learning_rate(cosine, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert int(np.argmax(rates)) in (9, 10)
    assert rates[55] == pytest.approx(0.5, abs=0.01)
    assert rates[-1] < 0.01
    assert {learning_rate(V1, step, 100) for step in range(100)} == {V1.optimiser.learning_rate * 32 / 256}


def folder_of(path: Path, tiles: list[np.ndarray]) -> Path:
    path.mkdir()
    for i, tile in enumerate(tiles):
        cv2.imwrite(str(path / f"{i}.png"), tile)
    return path


@BOTH
def test_constant_tiles_are_told_as_a_collapse_and_the_run_ends_well(
    workspace: Workspace, tmp_path: Path, config: RunConfig
) -> None:
    ingest_tiles(
        workspace, folder_of(tmp_path / "t", [np.full((32, 32, 3), 180, np.uint8)] * 40), IngestConfig(tile_px=32)
    )
    control.create(workspace, config.but({"clustering.clusters": 4}, epochs=1), "r")
    train(workspace, "r")
    assert any("collapse" in event.text for event in control.events(workspace, "r"))
    assert control.get(workspace, "r").interval == 1


@BOTH
def test_a_tile_that_no_longer_decodes_is_counted_and_left_unassigned(ready: Workspace, config: RunConfig) -> None:
    store = TileStore(ready.tiles_path)
    broken = len(store)
    store.append([record_batch(broken, 1, [(0, 0, 64, -1, "broken", b"no jpeg")])])
    with ready.ledger.write() as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'n_tiles'", (str(broken + 1),))
    control.create(ready, config.but(epochs=1), "r")
    train(ready, "r")
    folder = ready.run_folder("r")
    for interval in (0, 1):
        labels = folder.assignment(interval)
        assert np.flatnonzero(labels < 0).tolist() == [broken]
        assert folder.clusters(interval).sizes.sum() == broken
        assert np.isnan(folder.distances(interval)[broken])
    assert {m.value for m in control.metrics(ready, "r") if m.name == "unreadable"} == {1.0}


@BOTH
def test_divergence_is_told_in_words(ready: Workspace, config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    control.create(ready, config, "r")
    run = control.get(ready, "r")
    with Trainer(ready, run, Mortal(ready, run)) as trainer:
        with torch.no_grad():
            next(trainer.method.encoder.parameters()).fill_(np.nan)
        with pytest.raises(RunError, match="not finite"):
            trainer.run()


def test_a_checkpoint_of_other_settings_is_refused_and_a_truncated_one_gives_way(ready: Workspace) -> None:
    control.create(ready, V2, "r")
    with pytest.raises(Killed):
        train(ready, "r", dies_at=9)
    saved = sorted(ready.run_folder("r").checkpoint_path.glob("*.pt"))
    assert len(saved) == 2
    saved[-1].write_bytes(saved[-1].read_bytes()[:1000])
    train(ready, "r")
    assert control.get(ready, "r").interval == V2.epochs
    with pytest.raises(RunError, match="other settings"):
        checkpoint.load_last(ready.run_folder("r").checkpoint_path, "other")


def test_no_space_while_saving_is_told_and_the_run_goes_on(ready: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Method) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Method, "flush", full)
    control.create(ready, V1.but(epochs=1), "r")
    train(ready, "r")
    assert control.get(ready, "r").interval == 1
    assert any("No space left" in event.text for event in control.events(ready, "r"))


def test_settings_that_cannot_be_are_named() -> None:
    for key, value in [
        ("clustering.clusters", 1),
        ("encoder.input", "green"),
        ("method.crops", 17),
        ("method.heads", 0),
    ]:
        with pytest.raises(ConfigError, match=key):
            V2.but({key: value})


def test_two_crops_are_views_of_one_tile(ready: Workspace) -> None:
    from tessera.tiles.augment.view import Augment
    from tessera.tiles.loader import TileLoader

    loader = TileLoader(TileStore(ready.tiles_path), 32, 1)
    ids = np.arange(6)
    augment = Augment(32, 0.3, 0.05)
    one = next(iter(loader.augmented(ids, 6, augment, seed=(1,))))
    two = next(iter(loader.augmented(ids, 6, augment, seed=(1,), crops=2)))
    loader.close()
    assert two.images.shape == (12, 3, 32, 32)
    np.testing.assert_array_equal(two.images[:6], one.images)
    assert (two.images[6:] != one.images).any(axis=(1, 2, 3)).all()
    assert simplejpeg.is_jpeg(TileStore(ready.tiles_path).batch(ids)[0])
