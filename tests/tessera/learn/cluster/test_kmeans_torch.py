"""torch's k-means against faiss's, and two processes against one."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
import torch
from tessera.config import RunConfig
from tessera.learn.cluster import kmeans, kmeans_torch, vectors
from torch import distributed

K, DIM = 7, 6


def blobs(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return ((rng.normal(size=(K, DIM)) * 5)[rng.integers(0, K, n)] + rng.normal(size=(n, DIM))).astype(np.float32)


@pytest.mark.parametrize("spherical", [False, True])
def test_the_same_start_leads_to_faiss_centroids(spherical: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "CHUNK", 50)
    points = blobs(600, 0)
    start = points[:K] / (np.linalg.norm(points[:K], axis=1, keepdims=True) if spherical else 1)
    if spherical:
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
    theirs = faiss.Kmeans(DIM, K, niter=8, spherical=spherical, min_points_per_centroid=1)
    theirs.train(points, init_centroids=start)
    ours = kmeans_torch.lloyd(torch.from_numpy(points), torch.from_numpy(start), iterations=8, spherical=spherical)
    np.testing.assert_allclose(ours.numpy(), theirs.centroids, atol=1e-4)
    found = kmeans_torch.assign(torch.from_numpy(points), ours)
    labels, distances = kmeans.assign(points, ours.numpy())
    np.testing.assert_array_equal(found.labels.numpy(), labels)
    np.testing.assert_allclose(found.squared.sqrt().numpy(), distances, atol=1e-3)
    assert kmeans_torch.objective(found) == pytest.approx(float((distances.astype(float) ** 2).mean()), rel=1e-4)


def test_an_empty_cluster_takes_half_of_the_largest() -> None:
    points = torch.from_numpy(blobs(300, 1))
    start = torch.cat([points[: K - 1], torch.full((1, DIM), 1e4)])  # the last one is nearest to nothing
    found = kmeans_torch.assign(points, kmeans_torch.lloyd(points, start, iterations=6))
    assert torch.bincount(found.labels, minlength=K).min() > 0


def test_the_whole_clustering_goes_through_torch_where_a_device_is_named() -> None:
    points, config = blobs(400, 3), RunConfig.of({"clustering.clusters": K}, method="deepcluster")
    by_torch = kmeans.cluster(points, config, np.random.default_rng(0), None, "cpu")
    by_faiss = kmeans.cluster(points, config, np.random.default_rng(0), by_torch.labels)
    np.testing.assert_array_equal(by_torch.labels, by_faiss.labels)  # faiss goes on from there and moves nothing
    assert by_torch.objective == pytest.approx(by_faiss.objective, rel=1e-4)


def _rank(rank: int, folder: str, points: np.ndarray) -> None:
    """One of two processes: its half of the points, its centroids into a file."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    mine = torch.from_numpy(points[rank::2])
    group = distributed.group.WORLD
    found = kmeans_torch.lloyd(mine, torch.from_numpy(points[:K]), iterations=6, group=group)
    score = kmeans_torch.objective(kmeans_torch.assign(mine, found), group)
    np.savez(f"{folder}/{rank}.npz", centroids=found.numpy(), objective=score)
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_with_half_of_the_points_each_find_what_one_finds(tmp_path: Path) -> None:
    points = blobs(500, 2)
    torch.multiprocessing.spawn(_rank, args=(str(tmp_path), points), nprocs=2)
    alone = kmeans_torch.lloyd(torch.from_numpy(points), torch.from_numpy(points[:K]), iterations=6)
    ranks = [np.load(tmp_path / f"{rank}.npz") for rank in range(2)]
    np.testing.assert_array_equal(ranks[0]["centroids"], ranks[1]["centroids"])
    np.testing.assert_allclose(ranks[0]["centroids"], alone.numpy(), atol=1e-5)
    whole = kmeans_torch.objective(kmeans_torch.assign(torch.from_numpy(points), alone))
    assert float(ranks[0]["objective"]) == pytest.approx(whole, rel=1e-6)
