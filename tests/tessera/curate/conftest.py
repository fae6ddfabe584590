"""A run whose clusters are known: real tiles in a real store, labels and features written as a worker writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from tessera.config import IngestConfig, RunConfig
from tessera.ingest.tile_folder import ingest_tiles
from tessera.runs import control
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

N_GROUPS, PER_GROUP, N_CLUSTERS = 6, 20, 6
N = N_GROUPS * PER_GROUP


@pytest.fixture(scope="session")
def tile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 small tiles of six groups; the label is the cluster that `make_run` gives them."""
    folder, rng = tmp_path_factory.mktemp("tiles"), np.random.default_rng(0)
    lines = ["file,label,group"]
    for i in range(N):
        tile = rng.integers(0, 255, (32, 32, 3), np.uint8)
        tile[..., i % 3] = 40 * (i % N_CLUSTERS)
        (folder / f"tile_{i:03d}.jpg").write_bytes(simplejpeg.encode_jpeg(tile))
        lines.append(f"tile_{i:03d}.jpg,class_{i % N_CLUSTERS},case_{i // PER_GROUP}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def ready(workspace: Workspace, tile_folder: Path) -> Workspace:
    """A workspace with a run "r" of two intervals: tile i is in cluster i % 6 at both."""
    ingest_tiles(workspace, tile_folder, IngestConfig(tile_px=32))
    make_run(workspace, "r", np.arange(N, dtype=np.int32) % N_CLUSTERS)
    return workspace


def make_run(workspace: Workspace, name: str, labels: np.ndarray, intervals: int = 2) -> None:
    """Write a finished run: features are two clouds a cluster, so that each can be split in a known way."""
    control.create(
        workspace,
        RunConfig.of({"clustering.clusters": 2, "features.pca_dim": 8}, method="deepcluster", epochs=intervals - 1),
        name,
    )
    folder, rng = workspace.run_folder(name), np.random.default_rng(1)
    ids, sizes = np.unique(labels[labels >= 0], return_counts=True)
    points = np.zeros((len(labels), 8), np.float32)
    points[:, 0] = labels * 10
    points[:, 1] = np.arange(len(labels)) // len(ids) % 2 * 3
    points[:, 2:] = rng.normal(0, 0.05, (len(labels), 6))
    folder.open_bank(points.shape)[:] = points
    centroids = np.stack([points[labels == cluster].mean(axis=0) for cluster in ids])
    distances = np.linalg.norm(points - centroids[np.searchsorted(ids, labels).clip(0, len(ids) - 1)], axis=1)
    for interval in range(intervals):
        folder.save_distances(interval, distances)
        folder.save_interval(interval, labels, Clusters(ids, sizes, centroids))
    folder.save_projection(intervals - 1, (points[:, :2] / 50 - 0.5).astype(np.float32))
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET state = 'finished', interval = ? WHERE name = ?", (intervals - 1, name))
