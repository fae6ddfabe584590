"""What is read of a network: its own last vector, or the pooled maps of layers in the middle.

Of natural-image networks the middle tells tissues apart better than the end, which is made for naming objects (`tessera
quality` benchmarks: strides 8 and 16 against the last layer). A vision transformer has one stride, so its last vector
is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tessera.errors import ConfigError
from tessera.learn.nets.encoders import Encoder

AUTO, LAST = "auto", "last"
MIDDLE = (8, 16)  # strides of `auto`
POOLS = ("mean", "mean-and-spread")


class Layers(nn.Module):
    """Pooled maps of some layers, one after the other: uint8 (B, 3, H, W) -> float (B, dim).

    Args:
        encoder: whose layers are read.
        read: float (B, C, H, W) -> maps, each (B, c, h, w), tokens (B, T, c) or vectors (B, c).
        spread: the standard deviation over the map beside the mean.
        dim: length of what comes out.
    """

    def __init__(
        self, encoder: Encoder, read: Callable[[torch.Tensor], list[torch.Tensor]], *, spread: bool, dim: int
    ) -> None:
        super().__init__()
        self.encoder, self.dim = encoder, dim
        self._read, self._spread = read, spread
        self.training = encoder.training

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features of images."""
        return _joined(self._read(self.encoder.front(images)), self._spread)


def read_layers(encoder: Encoder, layers: str = AUTO, pool: str = "mean") -> nn.Module:
    """A network that gives what `layers` asks for.

    Args:
        encoder: as built; it is used, not copied.
        layers: auto (strides 8 and 16, or the last vector of a network without them), last, strides as 4,8,16, or names
            of modules as blocks.3,blocks.5.
        pool: of each layer's map: mean, or mean-and-spread.

    Returns:
        uint8 (B, 3, H, W) -> float (B, dim), with an attribute `dim`.

    Raises:
        ConfigError: the network has no such layer.
    """
    if pool not in POOLS:
        raise ConfigError(f"features.pool={pool}: choose one of {', '.join(POOLS)}")
    words = [word for word in re.split(r"[,+\s]+", layers.strip()) if word]
    if words == [LAST] or not words:
        return encoder
    strides = stage_strides(encoder.backbone)
    if words == [AUTO]:
        wanted = [stride for stride in MIDDLE if stride in strides]
        return _by_strides(encoder, wanted, pool) if wanted else encoder
    if all(word.isdecimal() for word in words):
        missing = [word for word in words if int(word) not in strides]
        if missing:
            have = ", ".join(map(str, strides)) or "none: name modules, or take last"
            raise ConfigError(f"features.layers={layers}: this encoder has strides {have}")
        return _by_strides(encoder, [int(word) for word in words], pool)
    return _by_names(encoder, words, pool)


def stage_strides(backbone: nn.Module) -> list[int]:
    """Strides at which a convolutional network can be read, ascending; none of a transformer."""
    own = getattr(backbone, "strides", None)
    if own is not None:
        return sorted(own)
    about = _stages(backbone)
    return sorted({int(stage["reduction"]) for stage in about}) if len({s["reduction"] for s in about}) > 1 else []


def _stages(backbone: nn.Module) -> list[dict[str, Any]]:
    info = getattr(backbone, "feature_info", None)
    if info is None or not hasattr(backbone, "forward_intermediates"):
        return []
    found: list[dict[str, Any]] = list(getattr(info, "info", info))
    return found


def _by_strides(encoder: Encoder, strides: list[int], pool: str) -> nn.Module:
    own = getattr(encoder.backbone, "strides", None)
    if own is not None:
        return _by_names(encoder, [own[stride] for stride in strides], pool)
    about = _stages(encoder.backbone)
    at = [max(i for i, stage in enumerate(about) if int(stage["reduction"]) == stride) for stride in strides]
    places = sorted(at)

    def read(images: torch.Tensor) -> list[torch.Tensor]:
        maps: list[torch.Tensor] = encoder.backbone.forward_intermediates(
            images, indices=places, stop_early=True, intermediates_only=True
        )
        return maps

    width = sum(int(about[i]["num_chs"]) for i in places)
    spread = pool == "mean-and-spread"
    return Layers(encoder, read, spread=spread, dim=width * (1 + spread))


def _by_names(encoder: Encoder, names: list[str], pool: str) -> nn.Module:
    modules = dict(encoder.backbone.named_modules())
    modules |= {name.removeprefix("network."): module for name, module in modules.items()}  # of a wrapped transformer
    for name in names:
        if name not in modules:
            near = ", ".join(known for known in modules if known and known.count(".") < 2)[:200]
            raise ConfigError(f"features.layers: this encoder has no module {name}; it has {near}")
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def hook(_: nn.Module, __: Any, output: torch.Tensor) -> None:
            seen[name] = output

        return hook

    def read(images: torch.Tensor) -> list[torch.Tensor]:
        held = [modules[name].register_forward_hook(keep(name)) for name in names]
        try:
            encoder.backbone(images)
            return [seen.pop(name) for name in names]
        finally:
            for hook in held:
                hook.remove()

    spread = pool == "mean-and-spread"
    layers = Layers(encoder, read, spread=spread, dim=0)
    layers.dim = _probed(layers)
    return layers


def _probed(layers: Layers) -> int:
    """Length of the features, seen by one grey tile."""
    was, side = layers.training, 224
    layers.eval()
    device = next(layers.encoder.parameters()).device
    with torch.no_grad():
        dim = int(layers(torch.full((1, 3, side, side), 128, dtype=torch.uint8, device=device)).shape[1])
    layers.train(was)
    return dim


def _joined(maps: list[torch.Tensor], spread: bool) -> torch.Tensor:
    parts = []
    for layer in maps:
        flat = layer.flatten(2) if layer.ndim == 4 else layer.transpose(1, 2) if layer.ndim == 3 else layer[:, :, None]
        parts.append(flat.mean(dim=2))
        if spread:
            parts.append(flat.float().var(dim=2, correction=0).add(1e-12).sqrt().to(flat.dtype))
    return torch.cat(parts, dim=1)
