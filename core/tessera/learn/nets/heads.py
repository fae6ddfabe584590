"""Small networks on top of an encoder: projectors, and an encoder with its projector."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tessera.learn.nets.encoders import Encoder


def projector(inputs: int, hidden: int, outputs: int, generator: torch.Generator | None = None) -> nn.Sequential:
    """Linear, batch normalisation, ReLU, linear: float (B, inputs) -> (B, outputs).

    Args:
        inputs: width of the features.
        hidden: width in the middle.
        outputs: length of an embedding.
        generator: decides the weights; None leaves torch's own.
    """
    made = nn.Sequential(
        nn.Linear(inputs, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, outputs),
    )
    if generator is not None:
        with torch.no_grad():
            for module in made:
                if isinstance(module, nn.Linear):
                    bound = module.in_features**-0.5  # torch's own start, by our generator
                    for parameter in module.parameters():
                        parameter.uniform_(-bound, bound, generator=generator)
    return made


class Embedder(nn.Module):
    """Encoder and projector: uint8 (B, 3, H, W) -> unit vectors float (B, dim).

    Args:
        encoder: gives features.
        projector: its last layer has the length of an embedding.
    """

    def __init__(self, encoder: Encoder, projector: nn.Sequential) -> None:
        super().__init__()
        self.encoder, self.projector = encoder, projector
        self.dim = int(projector[-1].out_features)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of images."""
        return functional.normalize(self.projector(self.encoder(images)).float(), dim=1)


def calibrate(network: nn.Module, parts: list[nn.Module], batches: list[torch.Tensor]) -> None:
    """Set the running statistics of untrained parts to those of some tiles, all of equal weight.

    Without it an untrained network in evaluation mode divides by 1 what it divides by the spread in training, and the
    first clustering is of a space that training never sees.

    Args:
        network: uint8 images in; it is left in evaluation mode.
        parts: modules whose batch normalisation is set; the others keep theirs.
        batches: uint8 (B, 3, H, W) each.
    """
    norms = [
        module for part in parts for module in part.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]
    network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
        norm.train()
    with torch.no_grad():
        for images in batches:
            network(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
