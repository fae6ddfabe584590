"""The DeepCluster loop (Caron et al. 2018): features, clusters, pseudo-labels, a new head, one pass of training.

Deviations from the paper: the covariance of the whitening is in float64 with a floor under eigenvalues; k-means learns from
a subset, starts from the last labels and leaves no cluster tiny; clusters keep their ids; draws are balanced by size^1/2
unless asked otherwise; augmentation is made for H&E; RGB instead of Sobel (colour tells stains apart).

A run of E epochs makes E + 1 clusterings, 0 to E: one before each training pass and one at the end, so that the last
assignment comes from the last weights.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from core import runs
from core.errors import RunError, TesseraError
from core.learn import advice, checkpoint, clusterers, metrics
from core.learn.checkpoint import Checkpoint
from core.learn.encoders import Encoder, build_encoder
from core.learn.features import FeaturePass
from core.learn.finders import Memory
from core.learn.matching import persistent_ids
from core.learn.scope import scope
from core.learn.worker import Reporter, StopRequestedError
from core.run_folder import Clusters
from core.tiles.augment import Augment
from core.tiles.loader import TileLoader
from core.tiles.sampler import class_weights, draw
from core.tiles.store import TileStore
from core.tiles.subset import StoreSubset
from core.workspace import Workspace

logger = logging.getLogger(__name__)

LOSS_STEPS = 10  # the loss is recorded as the mean of this many batches
SAVE_EVERY_S = 60.0
_REFERENCE_BATCH = 256
_SAMPLING, _CLUSTERING, _HEAD, _VIEWS = 1, 2, 3, 4  # streams of randomness, so that no two parts share numbers


def work(workspace: Workspace, name: str) -> None:
    """Be the worker of a run until it is finished, stopped or failed. What it finds goes to the ledger.

    Raises:
        RunError: no such run, or another worker has it.
    """
    run = runs.get(workspace, name)
    runs.claim(workspace, name, os.getpid())
    reporter = Reporter(workspace, run)
    os.nice(5)  # the dashboard answers while all cores train
    try:
        reporter.state("running")
        with Trainer(workspace, run, reporter) as trainer:
            trainer.run()
        reporter.state("finished")
    except StopRequestedError:
        reporter.state("stopped")
    except TesseraError as error:
        reporter.event("error", str(error))
        reporter.state("failed", str(error))
        raise
    except Exception as error:  # the edge of the job: the reason goes into the ledger, the trace into the log
        reporter.event("error", f"{type(error).__name__}: {error}")
        reporter.state("failed", f"{type(error).__name__}: {error}")
        raise


@dataclass
class _Clock:
    """Seconds spent in each phase of an interval."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, phase: str, began: float) -> float:
        now = time.monotonic()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - began
        return now


class Trainer:
    """One run in its worker. A context manager that ends the loader's threads.

    Args:
        workspace: where tiles and results are.
        run: the run.
        reporter: takes progress and figures, and tells what is wanted.
    """

    def __init__(self, workspace: Workspace, run: runs.Run, reporter: Reporter) -> None:
        self.config, self.reporter = run.config, reporter
        self.run_row, self.folder, store = scope(workspace, run)
        self.device = choose_device(self.config.device)
        self.loader = TileLoader(store, self.config.tile_px, self.config.threads)
        self.known = known_groups(workspace, store, self.run_row.n_tiles)
        self.encoder: Encoder = build_encoder(self.config.encoder, weights=self.config.weights, seed=self.config.seed)
        self.encoder.to(self.device)
        self.body_optimiser = self._sgd(self.encoder, self.config.momentum)
        self.head, self.head_optimiser = self._new_head(0, 2)
        self.interval, self.batch, self.step = -1, 0, 0
        self.memory: Memory = {}  # what a clusterer holds from one clustering to the next
        self.losses: list[float] = []  # of the batches since the loss was last recorded
        self.saved = time.monotonic()

    def __enter__(self) -> Trainer:
        """The trainer."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the loader."""
        self.loader.close()

    def run(self) -> None:
        """Cluster, train, cluster, train, ..., cluster; from the last checkpoint if there is one."""
        self._restore()
        if self.interval < 0:
            self._cluster(0)
        while self.interval < self.config.epochs:
            self._train()
            self._cluster(self.interval + 1)

    def _cluster(self, interval: int) -> None:
        """Features of all tiles, clusters, ids, figures, a new head."""
        clock, began = _Clock(), time.monotonic()
        bank = self.folder.open_bank((self.run_row.n_tiles, self._bank_dim()))
        explained = FeaturePass(self.encoder, self.loader, self.config, self.device).fill(
            bank, interval, self._breathe_extract
        )
        began = clock.add("extract", began)
        self.reporter.breathe("clustering", 0, 0)
        previous = self.folder.assignment(interval - 1) if interval > 0 else None
        warm = self._rows_of(previous, interval - 1) if previous is not None and self.config.warm_start else None
        found = clusterers.cluster(bank, self.config, self._rng(_CLUSTERING, interval), warm, self.memory)
        ids = persistent_ids(found.labels, len(found.centroids), previous)
        labels = ids[found.labels].astype(np.int32)
        sizes = np.bincount(found.labels, minlength=len(ids))
        began = clock.add("cluster", began)
        self.folder.save_distances(interval, found.distances)
        self.folder.save_interval(interval, labels, Clusters(ids, sizes, found.centroids))
        self._measure(interval, labels, previous, sizes, {
            "objective": found.objective, "empties": found.n_repaired, "explained_variance": explained,
            **found.figures,
        })  # fmt: skip
        clock.add("measure", began)
        self.reporter.figures(interval, self.step, {f"seconds_{key}": value for key, value in clock.seconds.items()})
        self.head, self.head_optimiser = self._new_head(interval, len(ids))
        self.interval, self.batch = interval, 0
        self._save()
        self.reporter.interval_done(interval)

    def _train(self) -> None:
        """One pass over tiles drawn by their pseudo-labels."""
        config, clock, began = self.config, _Clock(), time.monotonic()
        rows = self._rows_of(self.folder.assignment(self.interval), self.interval)
        n = config.interval_tiles or self.run_row.n_tiles
        ids = draw(rows, n, balance=config.balance, cap=config.balance_cap, rng=self._rng(_SAMPLING, self.interval))
        criterion = self._criterion(rows)
        views = Augment(config.tile_px, config.crop_scale, config.stain_jitter)
        seed = (config.seed, self.interval, _VIEWS)
        self.encoder.train()
        n_batches, started, trained = -(-n // config.batch_size), began, 0
        for batch in self.loader.augmented(ids, config.batch_size, views, seed=seed, start_batch=self.batch):
            began = clock.add("load", began)
            if len(batch.ids) > 1:  # batch normalisation needs two
                self.losses.append(self._learn(batch.images, rows[batch.ids], criterion))
            trained += len(batch.ids)
            self.batch, self.step = self.batch + 1, self.step + 1
            if self.batch % LOSS_STEPS == 0 or self.batch == n_batches:
                self._record_loss()
                self._save_now_and_then()
            began = clock.add("train", began)
            rate = trained / (time.monotonic() - started)
            self._breathe_train(self.batch / n_batches, rate)
        clock.seconds["total"] = time.monotonic() - started
        self.reporter.figures(self.interval, self.step, {
            "tiles_per_second": trained / clock.seconds["total"], "seconds_load": clock.seconds.get("load", 0),
            "seconds_train": clock.seconds.get("train", 0),
        })  # fmt: skip

    def _learn(self, images: npt.NDArray[np.uint8], rows: npt.NDArray[np.int32], criterion: nn.Module) -> float:
        """One step of cross-entropy on pseudo-labels, body and head together."""
        inputs = torch.from_numpy(images).to(self.device, non_blocking=True)
        targets = torch.from_numpy(rows.astype(np.int64)).to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss: torch.Tensor = criterion(self.head(torch.relu(self.encoder(inputs))), targets)
        for optimiser in (self.body_optimiser, self.head_optimiser):
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in (self.body_optimiser, self.head_optimiser):
            optimiser.step()
        return loss.item()

    def _record_loss(self) -> None:
        if not self.losses:
            return
        mean = float(np.mean(self.losses))
        self.losses = []
        if not np.isfinite(mean):
            raise RunError(f"the loss is {mean} at step {self.step}: lower learning_rate and start a new run")
        self.reporter.figures(self.interval, self.step, {"loss": mean})

    def _measure(
        self, interval: int, labels: npt.NDArray[np.int32], previous: npt.NDArray[np.int32] | None,
        sizes: npt.NDArray[np.int64], figures: dict[str, float],
    ) -> None:  # fmt: skip
        """Figures of a clustering, alarms and advice."""
        rng = np.random.default_rng(0)  # the same sample each time, whatever the run's seed
        figures |= metrics.size_figures(sizes)
        if previous is not None:
            figures["nmi"] = metrics.nmi(labels, previous)
            figures["ami"] = metrics.ami(labels, previous, rng)
            figures["changed"] = float((labels != previous).mean())
        for what, truth in self.known.items():
            figures[f"ami_{what}"] = metrics.ami(labels, truth, rng)
        self.reporter.figures(interval, self.step, figures)
        for text in advice.alarms(figures, len(labels)):
            self.reporter.event("warning", f"interval {interval}: {text}")
        self._advise(interval, int(figures["clusters"]))

    def _advise(self, interval: int, n_clusters: int) -> None:
        history = runs.metrics(self.reporter.workspace, self.run_row.name)
        losses = [metric.value for metric in history if metric.name == "loss"]
        if interval > 0 and losses and (text := advice.loss_alarm(losses[-1], n_clusters)):
            self.reporter.event("warning", f"interval {interval}: {text}")
        by_interval = {metric.interval: metric.value for metric in history if metric.name == "nmi"}
        if text := advice.stop_advice([by_interval[key] for key in sorted(by_interval)]):
            self.reporter.event("advice", f"interval {interval}: {text}")

    def _rows_of(self, labels: npt.NDArray[np.int32], interval: int) -> npt.NDArray[np.int32]:
        """Persistent ids as head rows, int32 (N,)."""
        ids = self.folder.clusters(interval).ids
        table = np.full(int(ids.max()) + 2, -1, np.int32)  # the last entry serves -1
        table[ids] = np.arange(len(ids))
        return table[labels]

    def _criterion(self, rows: npt.NDArray[np.int32]) -> nn.Module:
        weighted = self.config.balance == "loss-weight"
        weight = torch.from_numpy(class_weights(rows, self.head.out_features)).to(self.device) if weighted else None
        return nn.CrossEntropyLoss(weight=weight)

    def _new_head(self, interval: int, n_rows: int) -> tuple[nn.Linear, torch.optim.SGD]:
        """A fresh head, N(0, 0.01), and its own optimiser without momentum, as the paper's code has them."""
        head = nn.Linear(self.encoder.dim, n_rows)
        generator = torch.Generator().manual_seed(int(self._rng(_HEAD, interval).integers(2**31)))
        with torch.no_grad():
            head.weight.normal_(0, 0.01, generator=generator)
            head.bias.zero_()
        head.to(self.device)
        return head, self._sgd(head, 0.0)

    def _sgd(self, module: nn.Module, momentum: float) -> torch.optim.SGD:
        rate = self.config.learning_rate * self.config.batch_size / _REFERENCE_BATCH
        return torch.optim.SGD(module.parameters(), lr=rate, momentum=momentum, weight_decay=self.config.weight_decay)

    def _bank_dim(self) -> int:
        return (
            min(self.config.pca_dim, self.encoder.dim)
            if self.config.normalisation == "pca-whiten"
            else self.encoder.dim
        )

    def _rng(self, stream: int, interval: int) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, interval, stream))

    def _breathe_extract(self, progress: float, rate: float) -> None:
        self.reporter.breathe("reading features", progress, rate)

    def _breathe_train(self, progress: float, rate: float) -> None:
        try:
            self.reporter.breathe("training", progress, rate)
        except StopRequestedError:
            self._save()
            raise

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self.saved > SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        state = {
            "encoder": self.encoder.state_dict(), "head": self.head.state_dict(),
            "body_optimiser": self.body_optimiser.state_dict(), "head_optimiser": self.head_optimiser.state_dict(),
            "losses": self.losses, "memory": {key: torch.from_numpy(value) for key, value in self.memory.items()},
        }  # fmt: skip
        try:
            checkpoint.save(
                self.folder.checkpoint_path,
                Checkpoint(self.run_row.digest, self.interval, self.batch, self.step, state),
            )
        except OSError as error:
            self.reporter.event(
                "error", f"the run could not be saved ({error.strerror}): make room; the last save is safe"
            )
            return
        self.saved = time.monotonic()

    def _restore(self) -> None:
        found = checkpoint.load_last(self.folder.checkpoint_path, self.run_row.digest)
        if found is None:
            return
        self.interval, self.batch, self.step = found.interval, found.batch, found.step
        self.losses = list(found.state["losses"])
        self.memory = {key: value.numpy() for key, value in found.state["memory"].items()}
        self.encoder.load_state_dict(found.state["encoder"])
        self.body_optimiser.load_state_dict(found.state["body_optimiser"])
        self.head, self.head_optimiser = self._new_head(self.interval, found.state["head"]["weight"].shape[0])
        self.head.load_state_dict(found.state["head"])
        self.head_optimiser.load_state_dict(found.state["head_optimiser"])
        self.reporter.event("info", f"goes on at interval {self.interval}, batch {self.batch}")


def choose_device(wanted: str) -> torch.device:
    """The device of a run.

    Raises:
        RunError: it is not there.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RunError(
            f"device={wanted}: this machine has no CUDA device that torch can use; `tessera doctor` says more"
        )
    return device


def known_groups(
    workspace: Workspace, store: TileStore | StoreSubset, n_tiles: int
) -> dict[str, npt.NDArray[np.int32]]:
    """What is known of tiles besides pixels, to compare clusters with: labels, slide, patient, site.

    Returns:
        Name to int32 (n_tiles,) codes, -1 = unknown; only those with at least two values.
    """
    index = store.index()
    slides = index.slide[:n_tiles]
    known = {"labels": index.label[:n_tiles].astype(np.int32), "slide": slides.astype(np.int32)}
    with workspace.ledger.read() as connection:
        rows = connection.execute("SELECT id, patient, site FROM slide").fetchall()
    for what in ("patient", "site"):
        names = {row["id"]: row[what] for row in rows}
        codes = {name: code for code, name in enumerate(sorted(set(names.values()) - {""}))}
        table = np.full(max(names, default=0) + 1, -1, np.int32)
        for slide, name in names.items():
            table[slide] = codes.get(name, -1)
        known[what] = table[slides]
    return {what: codes for what, codes in known.items() if len(np.unique(codes[codes >= 0])) > 1}
