"""From a few labelled tiles to all.

Multi-stage self-supervised training of a graph network (M3S, Sun et al., AAAI 2020).

Each stage trains a two-layer graph convolution network (Kipf and Welling, ICLR 2017) on the labels that there are,
clusters its embeddings, gives each cluster the class whose labelled middle is nearest, and adds the most confident
predictions on which network and cluster agree to the labels of the next stage.

Deviations from the paper: the graph is the mutual k-NN graph of tile features, since tiles have no links of their own;
predictions are added in proportion to the predicted share of their class; beyond `max_tiles` the network works on a
sample that has all labelled tiles, and the others take the weighted vote of their nearest sampled neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import nn

from tessera.config import PropagateConfig
from tessera.errors import ConfigError
from tessera.learn.cluster.graph.mutual import Graph, mutual_graph
from tessera.learn.cluster.graph.neighbours import nearest
from tessera.learn.cluster.lloyd import lloyd, nearest_rows
from tessera.learn.cluster.vectors import chunks, class_means, unit_rows
from tessera.workspace.run_folder import Features

_PLACING = 5
_DENSE_LINKS = 4_000_000

Points = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Propagated:
    """What every tile is taken for.

    Attributes:
        classes: int32 (N,), most probable class; labelled tiles keep theirs.
        confidence: float32 (N,), its probability by the network; 1 for labelled tiles.
        agrees: bool (N,), whether the cluster of the tile is aligned to the same class.
    """

    classes: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]
    agrees: npt.NDArray[np.bool_]


class GraphNetwork(nn.Module):
    """Two graph convolutions, relu and dropout between them.

    Args:
        dim: of the features.
        hidden: of the embedding.
        n_classes: of the output.
        dropout: probability.
    """

    def __init__(self, dim: int, hidden: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dim, hidden, bias=False), nn.Linear(hidden, n_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, mixed: torch.Tensor, links: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embedding (N, hidden) and logits (M, n_classes).

        Args:
            mixed: (N, dim), features that are mixed over neighbours already.
            links: (M, N), rows of the adjacency, dense or sparse.
        """
        embedding = torch.relu(self.first(self.dropout(mixed)))
        return embedding, links @ self.second(self.dropout(embedding))


def propagate(
    points: Points | Features,
    seeds: npt.NDArray[np.int64],
    classes: Classes,
    config: PropagateConfig,
    told: Told | None = None,
) -> Propagated:
    """Classes of all tiles from those of a few.

    Args:
        points: (N, D), features, in memory or read when asked for.
        seeds: int64 (M,), labelled tiles, all different.
        classes: int64 (M,), their classes, 0 to C-1, each at least once.
        config: graph, network, stages, seed.
        told: called with (trainings done, trainings in all).

    Raises:
        ConfigError: fewer than two classes, or no tile to propagate to.
    """
    n_classes = int(classes.max(initial=-1)) + 1
    if n_classes < 2 or len(np.unique(classes)) != n_classes:
        raise ConfigError("label tiles of at least two classes")
    if len(points) <= config.neighbours:
        raise ConfigError(f"{len(points)} tiles are too few for {config.neighbours} neighbours each")
    rng = np.random.default_rng(config.seed)
    sample = _sample(len(points), seeds, config.max_tiles, rng)
    few = unit_rows(points[sample])
    labels = np.full(len(few), -1, np.int64)
    labels[np.searchsorted(sample, seeds)] = classes
    probabilities, agrees = _stages(few, labels, n_classes, config, rng, told or (lambda *_: None))
    if len(sample) < len(points):
        probabilities, agrees = _place(points, sample, few, probabilities, agrees)
    found = probabilities.argmax(axis=1).astype(np.int32)
    confidence = probabilities.max(axis=1).astype(np.float32)
    found[seeds], confidence[seeds], agrees[seeds] = classes, 1, True
    return Propagated(found, confidence, agrees)


def normalised_adjacency(graph: Graph) -> sp.csr_matrix:
    """D^-1/2 (A + I) D^-1/2 of a graph (Kipf and Welling, eq. 2), float32 (n, n)."""
    own = np.arange(graph.n, dtype=np.int64)
    row = np.concatenate([graph.first, graph.second, own])
    column = np.concatenate([graph.second, graph.first, own])
    scale = 1 / np.sqrt(graph.degrees() + 1)
    return sp.csr_matrix(((scale[row] * scale[column]).astype(np.float32), (row, column)), shape=(graph.n, graph.n))


def align(embedding: Points, labels: Classes, n_classes: int, n_clusters: int, seed: int) -> Classes:
    """The class that the cluster of each tile is aligned to.

    Args:
        embedding: float32 (N, D), unit rows.
        labels: int64 (N,), -1 = none; each class at least once.
        n_classes: how many.
        n_clusters: k-means clusters.
        seed: seed of k-means.

    Returns:
        int64 (N,), class whose labelled middle is nearest to the centroid of the tile's cluster.
    """
    k = max(n_classes, min(n_clusters, len(embedding) // 10))
    centroids = lloyd(embedding, k, seed=1 + seed, iterations=20)
    own, _ = nearest_rows(embedding, centroids)
    middles = class_means(embedding, labels.astype(np.int32), n_classes)
    nearest_class, _ = nearest_rows(centroids, middles)
    return nearest_class[own]


def choose(probabilities: Points, aligned: Classes, labels: Classes, share: float) -> npt.NDArray[np.int64]:
    """Unlabelled tiles to take over: of each class the most confident, as far as their cluster agrees.

    Args:
        probabilities: float32 (N, C).
        aligned: int64 (N,), see `align`.
        labels: int64 (N,), -1 = none.
        share: of all tiles that one stage considers.

    Returns:
        Tile numbers, ascending.
    """
    found, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen = []
    for code in range(probabilities.shape[1]):
        candidates = np.flatnonzero((found == code) & (labels < 0))
        top = int(np.ceil(share * int((found == code).sum())))
        best = candidates[np.argsort(-confidence[candidates], kind="stable")[:top]]
        chosen.append(best[aligned[best] == code])
    return np.sort(np.concatenate(chosen))


def _stages(
    points: Points, labels: Classes, n_classes: int, config: PropagateConfig, rng: np.random.Generator, told: Told
) -> tuple[Points, npt.NDArray[np.bool_]]:
    """All stages and the last training; probabilities (N, C) and agreement (N,)."""
    neighbours = nearest(points, config.neighbours, seed=config.seed)
    adjacency = normalised_adjacency(mutual_graph(neighbours, connect="first"))
    mixed = np.asarray(adjacency @ points, np.float32)
    for stage in range(config.stages + 1):
        told(stage, config.stages + 1)
        embedding, probabilities = _train(mixed, adjacency, labels, n_classes, config, int(rng.integers(2**31)))
        aligned = align(embedding, labels, n_classes, config.align_clusters, int(rng.integers(2**30)))
        if stage == config.stages:
            break
        added = choose(probabilities, aligned, labels, config.stage_share)
        labels = labels.copy()
        labels[added] = aligned[added]
    told(config.stages + 1, config.stages + 1)
    return probabilities, aligned == probabilities.argmax(axis=1)


def _train(
    mixed: Points, adjacency: sp.csr_matrix, labels: Classes, n_classes: int, config: PropagateConfig, seed: int
) -> tuple[Points, Points]:
    """A fresh network trained on the labels; unit embeddings (N, H) and probabilities (N, C)."""
    known = np.flatnonzero(labels >= 0)
    near, links = _links_of(adjacency, known)  # the loss sees no further
    inputs, targets = torch.from_numpy(mixed[near]), torch.from_numpy(labels[known])
    counts = np.bincount(labels[known], minlength=n_classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # weights and dropout
        network = GraphNetwork(mixed.shape[1], config.hidden, n_classes, config.dropout)
        optimiser = torch.optim.Adam(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        criterion = nn.CrossEntropyLoss(weight=torch.from_numpy((counts.mean() / counts).astype(np.float32)))
        for _ in range(config.epochs):
            loss = criterion(network(inputs, links)[1], targets)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    network.eval()
    with torch.inference_mode():
        embedding = torch.relu(network.first(torch.from_numpy(mixed)))
        logits = torch.from_numpy(np.asarray(adjacency @ network.second(embedding).numpy()))
        unit = nn.functional.normalize(embedding, dim=1)
    return unit.numpy().copy(), torch.softmax(logits, dim=1).numpy().copy()


def _links_of(adjacency: sp.csr_matrix, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], torch.Tensor]:
    """The points that some rows are linked to, and their rows over these; dense while that is small."""
    part = adjacency[rows]
    near = np.unique(part.indices).astype(np.int64)
    part = part[:, near]
    if part.shape[0] * part.shape[1] <= _DENSE_LINKS:
        return near, torch.from_numpy(part.toarray())
    entries = part.tocoo()
    indices = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    sparse = torch.sparse_coo_tensor(indices, torch.from_numpy(entries.data), part.shape, check_invariants=True)
    return near, sparse.coalesce()


def _sample(n: int, seeds: npt.NDArray[np.int64], most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """All tiles, or a sample that has every labelled one, ascending."""
    if n <= most:
        return np.arange(n)
    others = np.setdiff1d(np.arange(n), seeds)
    return np.sort(np.concatenate([seeds, rng.choice(others, max(most - len(seeds), 0), replace=False)]))


def _place(
    points: Points | Features,
    sample: npt.NDArray[np.int64],
    few: Points,
    probabilities: Points,
    agrees: npt.NDArray[np.bool_],
) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Tiles outside the sample by the weighted vote of their nearest sampled neighbours."""
    import faiss

    index = faiss.IndexFlatL2(few.shape[1])
    index.add(few)
    everyone = np.empty((len(points), probabilities.shape[1]), np.float32)
    all_agree = np.empty(len(points), bool)
    for rows in chunks(len(points)):
        squared, near = index.search(unit_rows(points[rows]), _PLACING)
        weights = 1 / (squared + 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        everyone[rows] = (probabilities[near] * weights[..., None]).sum(axis=1)
        all_agree[rows] = (agrees[near] * weights).sum(axis=1) > 0.5
    everyone[sample], all_agree[sample] = probabilities, agrees
    return everyone, all_agree
