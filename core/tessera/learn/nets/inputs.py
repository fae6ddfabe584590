"""Fixed front ends: what the encoder sees of a uint8 tile. They run on the device and are never trained."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tessera.errors import ConfigError
from tessera.tiles.augment.view import HED_FROM_RGB

Colour = tuple[float, float, float]

IMAGENET_MEAN: Colour = (0.485, 0.456, 0.406)
IMAGENET_STD: Colour = (0.229, 0.224, 0.225)
_SOBEL = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))
_STAIN_MEAN, _STAIN_STD = 0.5, 0.4  # of the haematoxylin density of H&E tiles: about unit scale for the encoder


class Rgb(nn.Module):
    """Colour with the mean and spread that the encoder was trained with: uint8 (B, 3, H, W) -> float (B, 3, H, W).

    Args:
        mean: of each channel, 0-1.
        std: of each channel, 0-1.
    """

    channels = 3
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: Colour = IMAGENET_MEAN, std: Colour = IMAGENET_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255, persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised colour."""
        return (images.float() - self.mean) / self.std


class GreySobel(Rgb):
    """Horizontal and vertical edges of the grey image: uint8 (B, 3, H, W) -> float (B, 2, H, W).

    DeepCluster's input (Caron et al. 2018, section 4): the mean of normalised colour, then two 3 x 3 Sobel kernels.
    """

    channels = 2
    kernels: torch.Tensor

    def __init__(self, mean: Colour = IMAGENET_MEAN, std: Colour = IMAGENET_STD) -> None:
        super().__init__(mean, std)
        across = torch.tensor(_SOBEL)
        self.register_buffer("kernels", torch.stack([across, across.T]).unsqueeze(1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Edges."""
        grey = super().forward(images).mean(dim=1, keepdim=True)
        return functional.conv2d(grey, self.kernels.to(grey.dtype), padding=1)


class Haematoxylin(nn.Module):
    """Optical density of haematoxylin (Ruifrok & Johnston 2001): uint8 (B, 3, H, W) -> float (B, 1, H, W)."""

    channels = 1
    weights: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        stain = torch.tensor(HED_FROM_RGB[:, 0], dtype=torch.float32)
        self.register_buffer("weights", stain.view(1, 3, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Density, shifted and scaled to about unit spread."""
        density = -torch.log(images.float().clamp(min=1) / 255)
        return ((density * self.weights).sum(dim=1, keepdim=True) - _STAIN_MEAN) / _STAIN_STD


def build_front(kind: str, mean: Colour = IMAGENET_MEAN, std: Colour = IMAGENET_STD) -> Rgb | Haematoxylin:
    """The front end of an `input` setting; its attribute `channels` is what the backbone takes.

    Args:
        kind: rgb, grey-sobel or haematoxylin.
        mean: of colour, 0-1, as the encoder was trained.
        std: of colour, 0-1, as the encoder was trained.

    Raises:
        ConfigError: no such input.
    """
    colour: dict[str, type[Rgb]] = {"rgb": Rgb, "grey-sobel": GreySobel}
    if kind in colour:
        return colour[kind](mean, std)
    if kind == "haematoxylin":
        return Haematoxylin()
    raise ConfigError(f"input={kind}: choose one of {', '.join((*colour, 'haematoxylin'))}")
