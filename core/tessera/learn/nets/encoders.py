"""Encoders: uint8 tiles in, one feature vector a tile out."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import nn

from tessera.errors import ConfigError
from tessera.learn.nets.alexnet_vgg import FEATURES, alexnet_bn, vgg16_bn
from tessera.learn.nets.inputs import build_front

logger = logging.getLogger(__name__)

_PREFIXES = ("module.", "model.", "encoder.", "backbone.", "resnet.")


class Encoder(nn.Module):
    """A fixed front end and a backbone; taking uint8 images saves a conversion per tile on the CPU.

    Args:
        front: uint8 (B, 3, H, W) -> float (B, C, H, W).
        backbone: float (B, C, H, W) -> float (B, dim).
        dim: length of a feature vector.
    """

    def __init__(self, front: nn.Module, backbone: nn.Module, dim: int) -> None:
        super().__init__()
        self.front, self.backbone, self.dim = front, backbone, dim

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, float (B, dim), of images uint8 (B, 3, H, W)."""
        features: torch.Tensor = self.backbone(self.front(images))
        return features


def build_encoder(name: str, *, weights: str, seed: int, input: str = "rgb") -> Encoder:
    """Build an encoder.

    Args:
        name: tiny (for tests), alexnet-bn, vgg16-bn, or any model of timm, resnet18 and resnet50 among them.
        weights: random, timm (downloaded by timm), or the path of a .safetensors or .pth file.
        seed: decides random weights.
        input: rgb, grey-sobel or haematoxylin, see `tessera.learn.nets.inputs`.

    Raises:
        ConfigError: no such model; weights that do not exist, do not fit or cannot be downloaded.
    """
    front = build_front(input)
    own = {"tiny": (_tiny, 32), "alexnet-bn": (alexnet_bn, FEATURES), "vgg16-bn": (vgg16_bn, FEATURES)}
    if name in own and weights == "timm":
        raise ConfigError(f"timm has no weights of {name}: give a file with weights=PATH, or weights=random")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name in own:
            build, dim = own[name]
            backbone = build(front.channels)
        else:
            backbone, dim = _from_timm(name, front.channels, pretrained=weights == "timm")
    if weights not in ("random", "timm"):
        _load_weights(backbone, Path(weights))
    return Encoder(front, backbone, dim)


def _tiny(channels: int) -> nn.Module:
    """About 15,000 parameters: enough to tell drawn textures apart."""

    def block(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    return nn.Sequential(block(channels, 16), block(16, 32), block(32, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _from_timm(name: str, channels: int, *, pretrained: bool) -> tuple[nn.Module, int]:
    import timm

    check_timm(name)
    try:
        backbone = timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=channels)
    except (OSError, RuntimeError) as error:  # no network: huggingface_hub raises OSErrors of several kinds
        raise ConfigError(
            f"the weights of {name} cannot be downloaded ({error}): give a file with weights=PATH, or weights=random"
        ) from error
    return backbone, int(backbone.num_features)


def check_timm(name: str) -> None:
    """Refuse a name that timm does not know.

    Raises:
        ConfigError: so it is; near names are told.
    """
    import timm

    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name[:6]}*")[:5]) or "resnet18, resnet50"
        raise ConfigError(f"encoder={name}: timm knows no such model; near: {close}")


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
        raise ConfigError(
            f"weights={path} cannot be read as tensors ({type(error).__name__}): give a .safetensors file, or what torch.save "
            "wrote of a state_dict"
        ) from error
    state = state.get("state_dict", state)
    own = backbone.state_dict()
    found = {_strip(key): value for key, value in state.items() if isinstance(value, torch.Tensor)}
    fitting = {key: value for key, value in found.items() if key in own and own[key].shape == value.shape}
    if len(fitting) < 0.9 * len(own):
        raise ConfigError(f"weights={path} fit {len(fitting)} of {len(own)} tensors: it is of another encoder")
    left_out = sorted(set(own) - set(fitting))
    if left_out:
        logger.warning("weights=%s lack or do not fit %s: these start at random", path, ", ".join(left_out))
    backbone.load_state_dict(fitting, strict=False)


def _strip(key: str) -> str:
    while (prefix := next((word for word in _PREFIXES if key.startswith(word)), None)) is not None:
        key = key[len(prefix) :]
    return key
