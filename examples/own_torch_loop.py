"""Train a network of your own on the tiles of a workspace, with clusters of a run as labels.

    python examples/own_torch_loop.py WORKSPACE RUN [--epochs 2]

Settings are chosen to run in a minute on a CPU; they are nobody's best.
"""

from __future__ import annotations

import argparse

import tessera
import torch
from torch import nn
from torch.utils.data import DataLoader

TILE_PX, BATCH = 64, 64


def network(n_classes: int) -> nn.Module:
    """Three convolutions and a linear head: (B, 3, H, W) -> (B, n_classes)."""
    layers: list[nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, n_classes))


def flipped(images: torch.Tensor) -> torch.Tensor:
    """A random flip or quarter turn of a whole batch: tissue has no upper side."""
    turned = torch.rot90(images, int(torch.randint(4, ())), (2, 3))
    return turned.flip(3) if torch.rand(()) < 0.5 else turned


def train(tiles: tessera.TileDataset, n_classes: int, epochs: int) -> nn.Module:
    """Cross-entropy on the labels of the tiles."""
    model = network(n_classes)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    loader = DataLoader(tiles, batch_size=BATCH, shuffle=True, generator=torch.Generator().manual_seed(0))
    for epoch in range(epochs):
        right = seen = 0
        for images, labels, _ in loader:  # uint8 (B, 3, H, W), int64 (B,), tile numbers
            scores = model(flipped(images).float() / 255)
            loss = nn.functional.cross_entropy(scores, labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            right += int((scores.argmax(1) == labels).sum())
            seen += len(labels)
        print(f"epoch {epoch + 1}: {right / seen:.0%} of {seen} tiles as their cluster")
    return model


def main() -> None:
    """Read the run's clusters, and learn to tell them apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace")
    parser.add_argument("run")
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    workspace = tessera.open_workspace(options.workspace)
    table = tessera.clusters(tessera.open_run(workspace, options.run))
    table = table[table["cluster"] >= 0]
    labels = table["cluster"].astype("category").cat.codes  # 0, 1, 2, ... whatever the clusters' numbers are
    tiles = tessera.TileDataset(workspace, TILE_PX, tiles=table.index.to_numpy(), labels=labels.to_numpy())
    train(tiles, int(labels.max()) + 1, options.epochs)


if __name__ == "__main__":
    main()
