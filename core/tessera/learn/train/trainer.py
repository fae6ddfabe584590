"""The loop of every method: points, clusters, pseudo-labels, a pass of training, and so on; killed, it goes on.

A run of E epochs makes E + 1 clusterings, 0 to E: one before each training pass and one at the end, so that the last
assignment comes from the last weights. Relabelling swaps pseudo-labels and heads under a living loader, encoder and
optimiser; nothing else starts again.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from tessera.errors import RunError, TesseraError
from tessera.learn.cluster import api
from tessera.learn.cluster.base import Memory
from tessera.learn.cluster.identity import persistent_ids
from tessera.learn.evaluate.record import advise, known_groups, measure
from tessera.learn.features.device import choose_device, makes_views
from tessera.learn.features.distributed import Ranks
from tessera.learn.methods.base import IGNORED, ClusterInput, PseudoClasses, TrainContext
from tessera.learn.train import checkpoint
from tessera.learn.train.checkpoint import Checkpoint
from tessera.learn.train.optimisers import set_rate
from tessera.learn.train.randomness import Stream
from tessera.learn.train.reporter import Reporter, StopRequestedError
from tessera.learn.train.schedule import learning_rate
from tessera.learn.train.scope import scope
from tessera.runs import control
from tessera.tiles.augment.view import Augment
from tessera.tiles.loader import Batch, TileLoader
from tessera.tiles.sampler import class_weights, draw
from tessera.tiles.window import in_windows
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

logger = logging.getLogger(__name__)

LOSS_STEPS = 10  # the loss is recorded as the mean of this many batches
SAVE_EVERY_S = 60.0

Labels = npt.NDArray[np.int32]


def work(workspace: Workspace, name: str, ranks: Ranks | None = None) -> None:
    """Be the worker of a run until it is finished, stopped or failed. What it finds goes to the ledger.

    Args:
        workspace: the workspace of the run.
        name: name of the run.
        ranks: the processes that work on it together, of which only the first tells; None = this one alone.

    Raises:
        RunError: no such run, or another worker has it.
    """
    run, ranks = control.get(workspace, name), ranks or Ranks()
    if ranks.first:
        control.claim(workspace, name, os.getpid())
    reporter = Reporter(workspace, run, silent=not ranks.first)
    os.nice(5)  # the dashboard answers while all cores train
    try:
        reporter.state("running")
        with Trainer(workspace, run, reporter, ranks) as trainer:
            trainer.run()
        ranks.wait()
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
        workspace: the workspace of tiles and results.
        run: the run.
        reporter: takes progress and figures, and tells what is wanted.
        ranks: the processes that train together; None = this one alone.
    """

    def __init__(self, workspace: Workspace, run: control.Run, reporter: Reporter, ranks: Ranks | None = None) -> None:
        self.config, self.reporter, self.ranks = run.config, reporter, ranks or Ranks()
        self.run_row, self.folder, store = scope(workspace, run)
        threads = self.ranks.threads(self.config.threads)
        self.loader = TileLoader(store, self.config.tile_px, threads, (self.ranks.rank, self.ranks.world))
        self.known = known_groups(workspace, store, self.run_row.n_tiles)
        device = self.ranks.device(choose_device(self.config.device))
        context = TrainContext(self.config, self.run_row.n_tiles, self.folder, self.loader, device, self.ranks)
        self.method = self.config.method.build(context)
        self._say_origin()
        self.interval, self.batch, self.step = -1, 0, 0
        self.memory: list[Memory] = [{} for _ in range(self.method.n_heads)]  # of each head's clusterer
        self.losses: list[float] = []  # of the batches since the loss was last recorded
        self.saved = time.monotonic()

    def __enter__(self) -> Trainer:
        """The trainer."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the loader."""
        self.loader.close()

    @property
    def tiles_per_interval(self) -> int:
        """Tiles trained on between two clusterings."""
        return self.config.sampling.interval_tiles or self.run_row.n_tiles

    @property
    def batches_per_interval(self) -> int:
        """Training steps between two clusterings."""
        return -(-self.tiles_per_interval // self.config.batch_size)

    def run(self) -> None:
        """Cluster, train, cluster, train, ..., cluster; from the last checkpoint if there is one."""
        self._restore()
        if self.interval < 0:
            self._cluster(0)
        while self.interval < self.config.epochs:
            self._train()
            if self.interval + 1 == self.config.epochs or self.method.wants_clusters(self.interval + 1):
                self._cluster(self.interval + 1)
            else:
                self.interval, self.batch = self.interval + 1, 0
                self._save()
        self.ranks.wait()
        self.method.finish()

    def _say_origin(self) -> None:
        """Where the weights come from, into the run's folder; what did not fit, as a warning."""
        origin = self.method.encoder.origin
        if self.ranks.first:
            self.folder.save_origin(asdict(origin))
        if origin.left_out:
            self.reporter.event("warning", origin.left_out)

    def _cluster(self, interval: int) -> None:
        """Clusters of every head, ids, figures, new heads, a checkpoint."""
        clock, began = _Clock(), time.monotonic()
        points = self.method.cluster_input(interval, self._heartbeat_extract)
        began = clock.add("extract", began)
        self.reporter.heartbeat("clustering", 0, 0)
        figures = points.figures | {"unreadable": float(len(self.method.unreadable))}
        for head in range(self.method.n_heads):
            found = self._cluster_head(points, interval, head)
            if head == 0:
                figures |= found
        began = clock.add("cluster", began)
        self.method.relabel(interval, [self._classes(interval, head) for head in range(self.method.n_heads)])
        if self.ranks.first:
            self._measure(interval, figures)
        clock.add("measure", began)
        self.reporter.figures(interval, self.step, {f"seconds_{key}": value for key, value in clock.seconds.items()})
        self.interval, self.batch = interval, 0
        self._save()
        self.reporter.interval_done(interval)

    def _measure(self, interval: int, figures: dict[str, float]) -> None:
        """Figures of a clustering, alarms and advice."""
        labels = self.folder.assignment(interval)
        before = self._clustered_before(interval)
        previous = None if before is None else self.folder.assignment(before)
        measure(
            self.reporter,
            self.known,
            interval=interval,
            step=self.step,
            labels=labels,
            previous=previous,
            figures=figures,
        )
        n_classes = int(figures["clusters"]) if self.method.needs_labels else 0
        cosine = self.config.chosen_schedule == "cosine"
        advise(self.reporter, self.run_row.name, interval, n_classes, cosine=cosine)

    def _cluster_head(self, points: ClusterInput, interval: int, head: int) -> dict[str, float]:
        """One clustering into the run's folder; its figures."""
        previous, warm = self._previous(interval, head)
        found = api.cluster(
            points.banks[head % len(points.banks)],
            self.config,
            self._rng(Stream.CLUSTERING, interval, head),
            warm,
            self.memory[head],
            self.ranks if self.ranks.world > 1 else None,
        )
        ids = persistent_ids(found.labels, len(found.centroids), previous)
        labels, distances = ids[found.labels].astype(np.int32), found.distances.copy()
        labels[self.method.unreadable], distances[self.method.unreadable] = -1, np.nan
        sizes = np.bincount(found.labels[labels >= 0], minlength=len(ids))
        if head == 0 and self.ranks.first:
            self.folder.save_distances(interval, distances)
        if self.ranks.first:
            self.folder.save_interval(interval, labels, Clusters(ids, sizes, found.centroids), head=head)
        self.ranks.wait()  # the others read what the first has written
        return {"objective": found.objective, "empties": float(found.n_repaired), **found.figures}

    def _previous(self, interval: int, head: int) -> tuple[Labels | None, Labels | None]:
        """Ids of the tiles before a clustering, and the same as rows when k-means shall start from them."""
        before = self._clustered_before(interval)
        if before is not None:
            ids = self.folder.assignment(before, head=head)
            return ids, self._rows_of(ids, before, head) if self.config.clustering.warm_start else None
        start = self.folder.start()
        if start is None or not self.config.clustering.warm_start:
            return None, None
        known, rows = np.unique(start, return_inverse=True)
        return start, (rows - int(known[0] < 0)).astype(np.int32)  # -1 stays -1: it is the first of what is known

    def _classes(self, interval: int, head: int) -> PseudoClasses:
        """A clustering in the run's folder as pseudo-classes."""
        clusters = self.folder.clusters(interval, head=head)
        rows = self._rows_of(self.folder.assignment(interval, head=head), interval, head)
        weights = class_weights(rows, len(clusters.ids)) if self.config.sampling.balance == "loss-weight" else None
        return PseudoClasses(clusters.ids, clusters.centroids, weights, rows)

    def _train(self) -> None:
        """One pass over tiles, drawn by their pseudo-labels where the method has them."""
        config, clock, began = self.config, _Clock(), time.monotonic()
        rows = self._rows_of_heads()
        n_batches, started, trained, skipped = self.batches_per_interval, began, 0, 0
        self.method.train()
        for batch in self.loader.augmented(
            self._drawn(rows[0]),
            config.batch_size,
            Augment(config.tile_px, config.views.crop_scale, config.views.stain_jitter),
            seed=(config.seed, self.interval, Stream.VIEWS),
            start_batch=self.batch,
            crops=self.method.views,
            window=config.sampling.window_tiles,
            on_device=makes_views(config.views.augment_on, self.method.device),
        ):
            began = clock.add("load", began)
            if self.ranks.least(len(batch.ids)) > (1 if self.ranks.world == 1 else 0):  # batch normalisation needs two
                self.losses.append(self._step(batch, rows, config.epochs * n_batches))
            trained, skipped = trained + len(batch.ids) * self.ranks.world, skipped + batch.n_broken
            self.batch, self.step = self.batch + 1, self.step + 1
            if self.batch % LOSS_STEPS == 0 or self.batch == n_batches:
                self._record_loss()
                self._save_now_and_then()
            began = clock.add("train", began)
            self._heartbeat_train(self.batch / n_batches, trained / (time.monotonic() - started))
        self._record_pass(clock, time.monotonic() - started, trained, sum(self.ranks.gather(skipped)))

    def _rows_of_heads(self) -> Labels:
        """Class of each tile for each head, int32 (heads, N); all in one class for methods without labels."""
        if not self.method.needs_labels:
            return np.zeros((1, self.run_row.n_tiles), np.int32)
        at = self.interval if self.interval in self.folder.intervals() else self._clustered_before(self.interval)
        assert at is not None
        heads = range(self.method.n_heads)
        return np.stack([self._rows_of(self.folder.assignment(at, head=head), at, head) for head in heads])

    def _drawn(self, rows: Labels) -> npt.NDArray[np.int64]:
        """Tiles of a pass, in order."""
        about = self.config.sampling
        balance = about.balance if self.method.needs_labels else "natural"
        rng = self._rng(Stream.SAMPLING, self.interval)
        ids = draw(rows, self.tiles_per_interval, balance=balance, cap=about.cap, rng=rng)
        return (
            in_windows(ids, about.window_tiles, self._rng(Stream.WINDOWS, self.interval)) if about.window_tiles else ids
        )

    def _step(self, batch: Batch, rows: Labels, n_steps: int) -> float:
        """One step of all optimisers down the gradient of all ranks; the loss of the whole batch."""
        rate = learning_rate(self.config, self.step, n_steps)
        with torch.random.fork_rng():
            self._seed_dropout()
            targets = self._targets(rows[:, batch.ids]) if self.method.needs_labels else None
            loss = self.method.loss(batch, targets)
            optimisers = self.method.optimisers()
            for optimiser in optimisers:
                set_rate(optimiser, rate)
                optimiser.zero_grad(set_to_none=True)
            loss.backward()
            for optimiser in optimisers:
                self.ranks.add_gradients(weight for group in optimiser.param_groups for weight in group["params"])
                optimiser.step()
            self.method.after_step(self.step, n_steps)
        return float(self.ranks.total(loss.detach()))

    def _targets(self, rows: Labels) -> torch.Tensor:
        """int64 (heads, views * B), with -1 turned into torch's mark of targets that do not count."""
        targets = np.where(rows < 0, IGNORED, rows).astype(np.int64)
        return torch.from_numpy(np.tile(targets, (1, self.method.views))).to(self.method.device, non_blocking=True)

    def _seed_dropout(self) -> None:
        """Seed torch for dropout, which knows no generators, so that a resumed run drops the same."""
        key = (self.config.seed, self.step, Stream.DROPOUT, *([self.ranks.rank] if self.ranks.rank else []))
        torch.manual_seed(int(np.random.default_rng(key).integers(2**63 - 1)))

    def _clustered_before(self, interval: int) -> int | None:
        """Number of the last clustering before this one; None when there is none."""
        return max((each for each in self.folder.intervals() if each < interval), default=None)

    def _record_pass(self, clock: _Clock, seconds: float, trained: int, skipped: int) -> None:
        figures = {
            "tiles_per_second": trained / seconds,
            "seconds_load": clock.seconds.get("load", 0.0),
            "seconds_train": clock.seconds.get("train", 0.0),
            "tiles_skipped": float(skipped),
        }
        entropy = self.method.take_prediction_entropy()
        if entropy is not None:
            figures["prediction_entropy"] = entropy
        self.reporter.figures(self.interval, self.step, figures)

    def _record_loss(self) -> None:
        if not self.losses:
            return
        mean = float(np.mean(self.losses))
        self.losses = []
        if not np.isfinite(mean):
            raise RunError(f"the loss is {mean} at step {self.step}: lower learning_rate and start a new run")
        self.reporter.figures(self.interval, self.step, {"loss": mean})

    def _rows_of(self, labels: Labels, interval: int, head: int) -> Labels:
        """Persistent ids as head rows, int32 (N,)."""
        ids = self.folder.clusters(interval, head=head).ids
        table = np.full(int(ids.max()) + 2, -1, np.int32)  # the last entry serves -1
        table[ids] = np.arange(len(ids))
        return table[labels]

    def _rng(self, stream: int, interval: int, head: int = 0) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, interval, stream, head))

    def _heartbeat_extract(self, progress: float, rate: float) -> None:
        """Several ranks read unequal numbers of batches, so that they stop together only when training begins."""
        try:
            self.reporter.heartbeat("reading features", progress, rate * self.ranks.world)
        except StopRequestedError:
            if self.ranks.world == 1:
                raise

    def _heartbeat_train(self, progress: float, rate: float) -> None:
        wanted = False
        try:
            self.reporter.heartbeat("training", progress, rate)
        except StopRequestedError:
            wanted = True
        if self.ranks.any(wanted):
            self._save()
            raise StopRequestedError

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self.saved > SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        if not self.ranks.first:
            return
        memory = [{key: torch.from_numpy(value) for key, value in held.items()} for held in self.memory]
        state = {**self.method.state(), "losses": self.losses, "memory": memory}
        try:
            self.method.flush()
            checkpoint.save(
                self.folder.checkpoint_path,
                Checkpoint(self.run_row.digest, self.interval, self.batch, self.step, state),
            )
        except OSError as error:
            self.reporter.event(
                "error", f"the run could not be saved ({error.strerror}): free some space; the last save is safe"
            )
            return
        self.saved = time.monotonic()

    def _restore(self) -> None:
        found = checkpoint.load_last(self.folder.checkpoint_path, self.run_row.digest)
        if found is None:
            return
        self.interval, self.batch, self.step = found.interval, found.batch, found.step
        self.losses = list(found.state["losses"])
        self.memory = [{key: value.numpy() for key, value in held.items()} for held in found.state["memory"]]
        at = max((each for each in self.folder.intervals() if each <= self.interval), default=None)
        if at is not None:
            self.method.relabel(at, [self._classes(at, head) for head in range(self.method.n_heads)])
        self.method.load(found.state)
        self.reporter.event("info", f"goes on at interval {self.interval}, batch {self.batch}")
