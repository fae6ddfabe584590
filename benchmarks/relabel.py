"""From "clustering finished" to the first training batch at a million tiles, in ms; beside the original's way.

    python benchmarks/relabel.py [--tiles 1000000] [--clusters 3000] [--rounds 5]

A real store with a small JPEG per tile and a bank of drawn vectors; the run's own worker code relabels. The encoder is
tiny: it takes no part in relabelling but for the checkpoint, which is reported by itself.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import simplejpeg
import torch
from original import relabel
from tessera.config import RunConfig
from tessera.learn.methods.base import ClusterInput
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters
from torchvision.datasets import ImageFolder

PX, DIM, KINDS, CHUNK = 32, 128, 500, 50_000


class FirstBatch(Exception):
    """The first batch is there."""


class Timed(Trainer):
    """A trainer that notes when labels are there, when the loader is asked for a batch, and when it has come."""

    labels_at = asked_at = 0.0

    def _cluster_head(self, points: ClusterInput, interval: int, head: int) -> dict[str, float]:
        found = super()._cluster_head(points, interval, head)
        self.labels_at = time.perf_counter()
        return found

    def first_batch(self) -> float:
        """Train until the first batch has come; when that was."""
        learn, self.method.loss = self.method.loss, self._stop  # type: ignore[method-assign]
        asked = self.method.train
        self.method.train = self._note  # type: ignore[method-assign]
        try:
            self._train()
        except FirstBatch:
            return time.perf_counter()
        finally:
            self.method.loss, self.method.train = learn, asked  # type: ignore[method-assign]
        raise RuntimeError("no batch came")

    def _note(self) -> None:
        self.asked_at = time.perf_counter()

    def _stop(self, *_: object) -> torch.Tensor:
        raise FirstBatch


def fill(workspace: Workspace, n_tiles: int, jpegs: list[bytes], side: int) -> None:
    """A store of the same tiles again and again."""

    def batches() -> Iterator[pa.RecordBatch]:
        for first in range(0, n_tiles, CHUNK):
            rows = ((i, 0, side, -1, "", jpegs[i % len(jpegs)]) for i in range(first, min(first + CHUNK, n_tiles)))
            yield record_batch(first, first // CHUNK + 1, rows)

    TileStore(workspace.tiles_path).append(batches())
    with workspace.ledger.write() as connection:
        connection.executemany(
            "INSERT INTO slide (id, name, path, kind, state, updated) VALUES (?, ?, ?, 'tiles', 'done', 0)",
            [(i, str(i), str(i)) for i in range(1, -(-n_tiles // CHUNK) + 1)],
        )
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('n_tiles', ?)", (str(n_tiles),))


def small_tiles() -> list[bytes]:
    """JPEGs of noise."""
    rng = np.random.default_rng(0)
    noise = (rng.integers(0, 256, (PX, PX, 3), dtype=np.uint8) for _ in range(KINDS))
    return [simplejpeg.encode_jpeg(tile, quality=50) for tile in noise]


def prepared(workspace: Workspace, n_tiles: int, clusters: int) -> Timed:
    """A run of deepcluster-v2 that has clustered once and trained since."""
    config = RunConfig.of(
        {"clustering.clusters": clusters, "method.projection_dim": DIM, "clustering.train_points_per_centroid": 20},
        method="deepcluster-v2",
        encoder="tiny",
        tile_px=PX,
        batch_size=128,
        epochs=1000,
        device="cpu",
    )
    run = control.create(workspace, config, "relabel")
    trainer = Timed(workspace, run, Reporter(workspace, run))
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(clusters, DIM)).astype(np.float32)
    labels = rng.integers(0, clusters, n_tiles).astype(np.int32)
    bank = trainer.method.bank  # type: ignore[attr-defined]
    for start in range(0, n_tiles, CHUNK):
        own = labels[start : start + CHUNK]
        points = centres[own] + 0.5 * rng.normal(size=(len(own), DIM)).astype(np.float32)
        bank[start : start + CHUNK] = points / np.linalg.norm(points, axis=1, keepdims=True)
    ids = np.arange(clusters, dtype=np.int32)
    trainer.folder.save_interval(0, labels, Clusters(ids, np.bincount(labels, minlength=clusters), centres))
    trainer.interval = 0
    return trainer


def original_way(folder: Path, labels: npt.NDArray[np.int32], clusters: int) -> float:
    """Seconds from labels to the first batch of a new loader over paths, with two workers."""
    (folder / "all").mkdir(parents=True)
    for i, data in enumerate(small_tiles()):
        (folder / "all" / f"{i}.jpg").write_bytes(data)
    dataset = ImageFolder(str(folder))
    dataset.samples = dataset.imgs = [dataset.imgs[i % KINDS] for i in range(len(labels))]
    began = time.perf_counter()
    lists: list[list[int]] = [[] for _ in range(clusters)]
    for number, label in enumerate([int(label) for label in labels]):
        lists[label].append(number)
    loader = relabel(dataset, lists, PX, 128, 2)
    next(iter(loader))
    return time.perf_counter() - began


def main() -> None:
    options = _options()
    scratch = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    workspace = Workspace.create(scratch / "workspace")
    fill(workspace, options.tiles, small_tiles(), PX)
    trainer = prepared(workspace, options.tiles, options.clusters)
    found: list[tuple[float, ...]] = []
    for _ in range(options.rounds):
        trainer._cluster(trainer.interval + 1)
        clustered = time.perf_counter()
        between = clustered - trainer.labels_at
        arrived = trainer.first_batch()
        alone = time_alone(trainer, options.tiles)
        found.append((between, trainer.asked_at - clustered, arrived - trainer.asked_at, alone))
    labels = trainer.folder.assignment(trainer.interval)
    rows = trainer._rows_of(labels, trainer.interval, 0)
    theirs = [original_way(scratch / f"images-{i}", rows, options.clusters) for i in range(min(options.rounds, 3))]
    trainer.loader.close()
    shutil.rmtree(scratch)
    ours = 1000 * np.median(np.array(found), axis=0)
    print(f"\n{options.tiles:,} tiles, K = {options.clusters:,}, medians of {options.rounds}, ms\n")
    print("| from labels to the first batch | ms |\n| --- | --- |")
    print(f"| figures, alarms, checkpoint, heads | {ours[0]:,.0f} |")
    print(f"| new draw of tiles for the living loader | {ours[1]:,.0f} |")
    print(f"| first batch arrives after | {ours[2]:,.0f} |")
    print(f"| (a first batch with nothing relabelled arrives after) | {ours[3]:,.0f} |")
    print(f"| original's way, without figures and checkpoint | {1000 * np.median(theirs):,.0f} |")


def time_alone(trainer: Timed, n_tiles: int) -> float:
    """Seconds to a first batch of the same loader when its numbers are at hand."""
    from tessera.tiles.augment.view import Augment

    ids = np.random.default_rng(3).permutation(n_tiles).astype(np.int64)
    began = time.perf_counter()
    views = Augment(PX, trainer.config.views.crop_scale, trainer.config.views.stain_jitter)
    next(iter(trainer.loader.augmented(ids, 128, views, seed=(1,))))
    return time.perf_counter() - began


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
