"""Encoders: uint8 tiles in, one feature vector a tile out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from core.errors import ConfigError

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, so that its weights fit
_PREFIXES = ("module.", "model.", "encoder.", "backbone.", "resnet.")


class Encoder(nn.Module):
    """A backbone that takes uint8 images; normalising on the device saves a conversion per tile on the CPU.

    Args:
        backbone: float (B, 3, H, W) -> float (B, dim).
        dim: length of a feature vector.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, backbone: nn.Module, dim: int) -> None:
        super().__init__()
        self.backbone, self.dim = backbone, dim
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1) * 255, persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, float (B, dim), of images uint8 (B, 3, H, W)."""
        features: torch.Tensor = self.backbone((images.float() - self.mean) / self.std)
        return features


def build_encoder(name: str, *, weights: str, seed: int) -> Encoder:
    """Build an encoder.

    Args:
        name: tiny (for tests), or any model of timm, resnet18 and resnet50 among them.
        weights: random, timm (downloaded by timm), or the path of a .safetensors or .pth file.
        seed: decides random weights.

    Raises:
        ConfigError: no such model; weights that do not exist, do not fit or cannot be downloaded.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(_tiny(), 32) if name == "tiny" else _from_timm(name, pretrained=weights == "timm")
    if weights not in ("random", "timm"):
        _load_weights(encoder.backbone, Path(weights))
    return encoder


def _tiny() -> nn.Module:
    """About 15,000 parameters: enough to tell drawn textures apart."""

    def block(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    return nn.Sequential(block(3, 16), block(16, 32), block(32, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _from_timm(name: str, *, pretrained: bool) -> Encoder:
    import timm

    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name[:6]}*")[:5]) or "resnet18, resnet50"
        raise ConfigError(f"encoder={name}: timm knows no such model; near: {close}")
    try:
        backbone = timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError) as error:  # no network: huggingface_hub raises OSErrors of several kinds
        raise ConfigError(
            f"the weights of {name} cannot be downloaded ({error}): give a file with weights=PATH, or weights=random"
        ) from error
    return Encoder(backbone, int(backbone.num_features))


def _load_weights(backbone: nn.Module, path: Path) -> None:
    """Load weights without running code from the file; wrappers' prefixes and heads are passed over."""
    if not path.is_file():
        raise ConfigError(f"weights={path}: no such file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ConfigError(f"weights={path} cannot be read as tensors: {error}") from error
    state = state.get("state_dict", state)
    own = backbone.state_dict()
    found = {_strip(key): value for key, value in state.items() if isinstance(value, torch.Tensor)}
    fitting = {key: value for key, value in found.items() if key in own and own[key].shape == value.shape}
    if len(fitting) < 0.9 * len(own):
        raise ConfigError(f"weights={path} fit {len(fitting)} of {len(own)} tensors: it is of another encoder")
    backbone.load_state_dict(fitting, strict=False)


def _strip(key: str) -> str:
    while (prefix := next((word for word in _PREFIXES if key.startswith(word)), None)) is not None:
        key = key[len(prefix) :]
    return key
