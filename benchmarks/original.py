"""The flow of DeepCluster's released code, re-created from its description (reference sheet, 1.1-1.3), for comparison.

Written anew: ImageFolder and PIL, a pass over all tiles with a new DataLoader, float32 features in memory, faiss PCA
and a cold k-means on all points, Python lists of clusters, a re-labelled dataset, a sampler and a DataLoader made anew,
a fresh head with its own optimiser. On a CPU the faiss index is the CPU's. Its sampler is the one that the paper means:
the released one mixes up two numberings, which costs no time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

_RNG = np.random.default_rng(31)
_NORMALISE = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])


@dataclass
class Phases:
    """Seconds by phase."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def end(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.began
        self.began = now


class Reassigned(Dataset[tuple[torch.Tensor, int]]):
    """Pairs of path and pseudo-label, cluster by cluster."""

    def __init__(self, order: list[int], labels: list[int], dataset: ImageFolder, px: int) -> None:
        compact = {label: number for number, label in enumerate(sorted(set(labels)))}
        self.images = [(dataset.imgs[number][0], compact[label]) for number, label in zip(order, labels, strict=True)]
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(px),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                _NORMALISE,
            ]
        )

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        path, label = self.images[place]
        with Path(path).open("rb") as stream:
            image = Image.open(stream).convert("RGB")
        return self.transform(image), label

    def __len__(self) -> int:
        return len(self.images)


class Uniform(Sampler[int]):
    """The same number of draws from each cluster that is not empty."""

    def __init__(self, n: int, lists: list[list[int]]) -> None:
        self.n, self.lists = n, lists
        self.places = self._draw()

    def _draw(self) -> np.ndarray:
        each = int(self.n / len([members for members in self.lists if members])) + 1
        places, first = np.zeros(0), 0
        for members in self.lists:
            if members:
                own = np.arange(first, first + len(members))
                places = np.concatenate((places, _RNG.choice(own, each, replace=len(own) <= each)))
            first += len(members)
        _RNG.shuffle(places)
        return places[: self.n].astype(int)

    def __iter__(self) -> Iterator[int]:
        return iter(self.places.tolist())

    def __len__(self) -> int:
        return len(self.places)


class Original:
    """One epoch after another of the original's flow.

    Args:
        folder: tiles in class folders.
        encoder: float images to features.
        dim: length of a feature vector.
        px: side of the images.
        clusters: K.
        batch: tiles a step.
        workers: of each DataLoader.
    """

    def __init__(
        self, folder: Path, encoder: nn.Module, dim: int, *, px: int, clusters: int, batch: int, workers: int
    ) -> None:
        self.encoder, self.dim, self.px, self.clusters = encoder, dim, px, clusters
        self.batch, self.workers = batch, workers
        seen = [transforms.Resize(round(px * 256 / 224)), transforms.CenterCrop(px), transforms.ToTensor(), _NORMALISE]
        self.dataset = ImageFolder(str(folder), transform=transforms.Compose(seen))
        self.body = torch.optim.SGD(encoder.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-5)

    def epoch(self) -> dict[str, float]:
        phases = Phases()
        features = self.features()
        phases.end("features")
        lists = cluster(features, self.clusters, phases)
        loader = relabel(self.dataset, lists, self.px, self.batch, self.workers)
        phases.end("relabel")
        self.train(loader)
        phases.end("train")
        return phases.seconds

    def features(self) -> np.ndarray:
        self.encoder.eval()
        features = np.zeros((len(self.dataset), self.dim), np.float32)
        loader = DataLoader(self.dataset, batch_size=self.batch, num_workers=self.workers)
        with torch.no_grad():
            for number, (images, _) in enumerate(loader):
                found = self.encoder(images).numpy().astype("float32")
                features[number * self.batch : number * self.batch + len(found)] = found
        return features

    def train(self, loader: DataLoader[tuple[torch.Tensor, int]]) -> None:
        self.encoder.train()
        head = nn.Linear(self.dim, self.clusters)
        nn.init.normal_(head.weight, 0, 0.01)
        nn.init.zeros_(head.bias)
        head_optimiser = torch.optim.SGD(head.parameters(), lr=0.05, weight_decay=1e-5)
        for images, labels in loader:
            loss = nn.functional.cross_entropy(head(torch.relu(self.encoder(images))), labels)
            loss.item()
            self.body.zero_grad()
            head_optimiser.zero_grad()
            loss.backward()
            self.body.step()
            head_optimiser.step()


def cluster(features: np.ndarray, k: int, phases: Phases) -> list[list[int]]:
    """PCA to 256, whitening, unit length, cold k-means on all points, a list of members for each cluster."""
    dim = features.shape[1]
    matrix = faiss.PCAMatrix(dim, min(256, dim), -0.5)
    matrix.train(features)
    reduced = matrix.apply(features)
    reduced /= np.linalg.norm(reduced, axis=1)[:, np.newaxis]
    phases.end("whiten")
    clustering = faiss.ClusterResult(reduced.shape[1], k)
    clustering.seed = int(_RNG.integers(1234))
    clustering.niter, clustering.max_points_per_centroid = 20, 10_000_000
    clustering.min_points_per_centroid = 1  # only silences a warning
    index = faiss.IndexFlatL2(reduced.shape[1])
    clustering.train(reduced, index)
    _, nearest = index.search(reduced, 1)
    lists: list[list[int]] = [[] for _ in range(k)]
    for number, label in enumerate([int(row[0]) for row in nearest]):
        lists[label].append(number)
    phases.end("cluster")
    return lists


def relabel(
    dataset: ImageFolder, lists: list[list[int]], px: int, batch: int, workers: int
) -> DataLoader[tuple[torch.Tensor, int]]:
    """The new dataset, its sampler and its loader."""
    labels: list[int] = []
    order: list[int] = []
    for label, members in enumerate(lists):
        order.extend(members)
        labels.extend([label] * len(members))
    return DataLoader(
        Reassigned(order, labels, dataset, px),
        batch_size=batch,
        num_workers=workers,
        sampler=Uniform(len(dataset), lists),
    )
