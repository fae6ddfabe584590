"""Are learnt classes better than colour? Clusters and features on labelled tiles, beside SimCLR and no learning.

    python benchmarks/quality.py [--tiles FOLDER] [--views 24000] [--px 64] [--seeds 1] [--methods NAME ...] [--set
    KEY=VALUE ...]

Labels only score. All learners start from the same random encoder, see the same kind of views, and see the same number
of them (SimCLR takes two of each tile). K is four times the number of classes. k-NN is scored with folds by group; AMI
is that of k-means on the standardised features, and beside it that of the run's own clusters.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from tessera import config as configuration
from tessera.config import IngestConfig, RunConfig
from tessera.demo.demo import data_folder
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.evaluate.baselines import colour_statistics
from tessera.learn.evaluate.labels import score_clusters, score_features
from tessera.learn.features.device import autocast
from tessera.learn.features.extract import extract
from tessera.learn.nets.encoders import build_encoder
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.schedule import learning_rate
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.tiles.augment.view import Augment
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace
from torch import nn
from torch.nn import functional

CPU = torch.device("cpu")
SIMCLR_RATE = 0.1  # at 256 tiles a batch, with the same cosine
METHODS = ("deepcluster-v2", "deepcluster", "simclr")

Features = npt.NDArray[np.float32]


def simclr(store: TileStore, config: RunConfig, views: int) -> nn.Module:
    """SimCLR (Chen et al. 2020): two views of a tile attract, all others of the batch repel. Returns the encoder."""
    config = config.but({"optimiser.learning_rate": SIMCLR_RATE})
    torch.manual_seed(config.seed)
    encoder = build_encoder(config.encoder.name, weights="random", seed=config.seed, input=config.encoder.input)
    projector = nn.Sequential(
        nn.Linear(encoder.dim, encoder.dim), nn.ReLU(), nn.Linear(encoder.dim, config.method.projection_dim)
    )
    whole = nn.Sequential(encoder, projector).train()
    optimiser = torch.optim.SGD(
        whole.parameters(), lr=0.1, momentum=config.optimiser.momentum, weight_decay=config.optimiser.weight_decay
    )
    loader = TileLoader(store, config.tile_px, config.threads)
    augment = Augment(config.tile_px, config.views.crop_scale, config.views.stain_jitter)
    n_tiles, step = len(store), 0
    steps_per_pass = n_tiles // config.batch_size
    n_steps = max(1, views // (2 * config.batch_size))
    while step < n_steps:
        ids = np.random.default_rng((config.seed, step)).permutation(n_tiles)[: steps_per_pass * config.batch_size]
        for batch in loader.augmented(ids, config.batch_size, augment, seed=(config.seed, step), crops=2):
            rate = learning_rate(config, step, n_steps)
            for group in optimiser.param_groups:
                group["lr"] = rate
            with autocast(CPU, config.precision):
                projected = whole(torch.from_numpy(batch.images))
            z = functional.normalize(projected.float(), dim=1)
            scores = (z @ z.T / 0.2).fill_diagonal_(-torch.inf)
            other = torch.arange(len(z)).roll(len(z) // 2)
            loss = functional.cross_entropy(scores, other)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            step += 1
            if step == n_steps:
                break
    loader.close()
    return encoder


def features_of(encoder: nn.Module, store: TileStore, px: int) -> Features:
    loader = TileLoader(store, px)
    ids = np.arange(len(store), dtype=np.int64)
    parts = [found for _, found in extract(encoder, loader, ids, batch_size=256, device=CPU)]
    loader.close()
    return np.concatenate(parts)


def colour(store: TileStore) -> Features:
    jpegs = store.batch(np.arange(len(store), dtype=np.int64))
    return np.stack([colour_statistics(simplejpeg.decode_jpeg(jpeg)) for jpeg in jpegs])


def plain_rgb(statistics: Features) -> Features:
    """Means and spreads of the three channels alone."""
    return statistics[:, :6]


def learnt(workspace: Workspace, config: RunConfig, name: str) -> tuple[nn.Module, npt.NDArray[np.int32]]:
    """Train; the encoder and the last clusters."""
    run = control.create(workspace, config, name)
    with Trainer(workspace, run, Reporter(workspace, run)) as trainer:
        trainer.run()
        return trainer.method.encoder, trainer.folder.assignment(config.epochs)


def config_of(options: argparse.Namespace, method: str, clusters: int, n_tiles: int, seed: int) -> RunConfig:
    overrides: dict[str, Any] = {
        "method": "deepcluster-v2" if method == "simclr" else method,
        "encoder": options.encoder,
        "clustering.clusters": clusters,
        "tile_px": options.px,
        "device": "cpu",
        "seed": seed,
        **configuration.parse_overrides(options.settings),
    }
    config = configuration.from_mapping(RunConfig, overrides)
    crops = config.method.crops if config.method.name == "deepcluster-v2" else 1
    per_interval = config.sampling.interval_tiles or n_tiles
    epochs = max(1, round(options.views / (per_interval * crops)))
    return configuration.from_mapping(RunConfig, {**overrides, "epochs": epochs})


def one_seed(workspace: Workspace, options: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    store = TileStore(workspace.tiles_path)
    index = store.index()
    labels, groups = index.label.astype(np.int32), index.slide
    n_classes = len(np.unique(labels))
    k = 4 * n_classes
    statistics = colour(store)
    base = config_of(options, "deepcluster-v2", k, len(store), seed)
    sets: dict[str, tuple[Features, dict[str, float]]] = {
        "means and spreads of RGB": (plain_rgb(statistics), {}),
        "colour-and-edge statistics": (statistics, {}),
        "random encoder": (
            features_of(
                build_encoder(base.encoder.name, weights="random", seed=seed, input=base.encoder.input),
                store,
                options.px,
            ),
            {},
        ),
    }
    for method in options.methods:
        config, began = config_of(options, method, k, len(store), seed), time.monotonic()
        if method == "simclr":
            encoder, clusters = simclr(store, config, options.views), None
        else:
            encoder, clusters = learnt(workspace, config, f"{method}-{seed}")
        extra = {"minutes": (time.monotonic() - began) / 60}
        if clusters is not None:
            extra |= {"own": score_clusters(clusters, labels)["ami"]}
        sets[method] = (features_of(encoder, store, options.px), extra)
    return {name: {**score_features(features, labels, groups, k), **extra} for name, (features, extra) in sets.items()}


def main() -> None:
    options = _options()
    scratch = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    workspace = Workspace.create(scratch / "workspace")
    ingest_tiles(workspace, options.tiles, IngestConfig())
    rounds = [one_seed(workspace, options, seed) for seed in range(options.seeds)]
    shutil.rmtree(scratch)
    print(
        f"\n{options.tiles.name}, {options.encoder} at {options.px} px, {options.views:,} views, "
        f"{options.seeds} seed(s), {' '.join(options.settings) or 'defaults'}; mean (lowest-highest)\n"
    )
    print("| features | AMI of k-means | AMI of own clusters | k-NN | linear | minutes |")
    print("| --- |" + " --- |" * 5)
    for name in rounds[0]:
        cells = [
            _cell([scores[name].get(key) for scores in rounds])
            for key in ("kmeans_ami", "own", "knn", "linear", "minutes")
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def _cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    spread = f" ({min(known):.3f}-{max(known):.3f})" if len(known) > 1 else ""
    return f"{np.mean(known):.3f}{spread}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=Path, default=data_folder() / "tiles" / "colon5")
    parser.add_argument("--views", type=int, default=24_000)
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
