"""Encoders: uint8 tiles in, one feature vector a tile out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from tessera.errors import ConfigError
from tessera.learn.nets import hub
from tessera.learn.nets.families import OWN, Made, check_timm, make
from tessera.learn.nets.inputs import IMAGENET_MEAN, IMAGENET_STD, build_front
from tessera.learn.nets.layouts import to_timm
from tessera.learn.nets.pathology import check_runnable, known
from tessera.learn.nets.tokens import Tokens
from tessera.learn.nets.weights import Fit, check_fit, fit_state, read_state

logger = logging.getLogger(__name__)

PUBLISHED = ("imagenet", "timm", "published")  # words for the weights that a network is published with


@dataclass(frozen=True)
class Origin:
    """Where an encoder's weights come from, for status, cards and exports.

    Attributes:
        encoder: its name.
        weights: their source, in words.
        licence: of the weights, as far as it is known.
        left_out: what did not fit, in words; empty when everything did.
    """

    encoder: str
    weights: str
    licence: str = ""
    left_out: str = ""


class Encoder(nn.Module):
    """A fixed front end and a backbone; taking uint8 images saves a conversion per tile on the CPU.

    Args:
        front: uint8 (B, 3, H, W) -> float (B, C, H, W).
        backbone: float (B, C, H, W) -> float (B, dim).
        dim: length of a feature vector.
        origin: where its weights come from.
    """

    def __init__(self, front: nn.Module, backbone: nn.Module, dim: int, origin: Origin | None = None) -> None:
        super().__init__()
        self.front, self.backbone, self.dim = front, backbone, dim
        self.origin = origin or Origin("", "random")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, float (B, dim), of images uint8 (B, 3, H, W)."""
        features: torch.Tensor = self.backbone(self.front(images))
        return features


def build_encoder(
    name: str, *, weights: str, seed: int, input: str = "rgb", allow_partial: bool = False, own_colour: bool = True
) -> Encoder:
    """Build an encoder.

    Args:
        name: tf_efficientnet_lite0 or any other model of timm; tiny (for tests), alexnet-bn, vgg16-bn; an encoder of
            `tessera.learn.nets.pathology`; hf-hub:OWNER/NAME or local-dir:PATH.
        weights: random; imagenet (those that the network is published with: they come with Tessera for
            tf_efficientnet_lite0, and are downloaded for all others); or the path of a file or folder of tensors.
        seed: decides random weights.
        input: rgb, grey-sobel or haematoxylin, see `tessera.learn.nets.inputs`.
        allow_partial: take weights of which only some fit; `Encoder.origin` says what was left out.
        own_colour: scale colours as the network was trained; False does it as for ImageNet, as versions before 0.2 did.

    Raises:
        ConfigError: no such model; weights that do not exist, do not fit or cannot be fetched.
    """
    channels = build_front(input).channels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = make(name, channels)
    origin = _load(made, name, weights, allow_partial=allow_partial)
    mean, std = (made.mean, made.std) if own_colour else (IMAGENET_MEAN, IMAGENET_STD)
    backbone = Tokens(made.network, made.pooling) if made.pooling else made.network
    return Encoder(build_front(input, mean, std), backbone, made.dim, origin)


def check_name(name: str, tile_px: int) -> None:
    """Refuse what a worker would refuse a minute later: unknown names, and tiles that patches cannot cover.

    Raises:
        ConfigError: the setting has no such value; the message says which there are.
    """
    row = known(name)
    if row is not None:
        check_runnable(row)
        _check_patches(name, row.patch_px, tile_px)
    elif name not in OWN and name != "tiny" and not hub.is_hub_name(name):
        check_timm(name)
        stem, _, digits = name.partition("_patch")
        if digits and stem.startswith(("vit", "deit", "eva", "beit")):
            _check_patches(name, int(digits.split("_")[0]), tile_px)


def _check_patches(name: str, patch_px: int, tile_px: int) -> None:
    if tile_px % patch_px:
        low = max(1, tile_px // patch_px) * patch_px
        raise ConfigError(
            f"tile_px={tile_px}: {name} cuts tiles into patches of {patch_px} px: choose {low} or {low + patch_px}"
        )


def _load(made: Made, name: str, weights: str, *, allow_partial: bool) -> Origin:
    if weights == "random":
        return Origin(name, "random")
    if weights in PUBLISHED:
        if name == "tiny":
            return Origin(name, "random")  # it is for tests and has no others
        if made.published is None:
            raise ConfigError(
                f"there are no published weights of {name}: give a file with weights=PATH, or weights=random"
            )
        state, source = made.published()
        origin = Origin(name, source, made.licence)
    else:
        state, source = read_state(Path(weights)), f"weights={weights}"
        row = known(name)
        if row is not None:
            state = to_timm(state, row.layout, made.network)
        origin = Origin(name, weights, made.licence if row is not None else "")
    fit = fit_state(made.network, state, head=made.head)
    check_fit(fit, told=source, encoder=name, allow_partial=allow_partial)
    return replace(origin, left_out=_said(fit, source))


def _said(fit: Fit, source: str) -> str:
    if fit.whole:
        return ""
    words = f"{source} fitted in part: {fit.words()}"
    logger.warning("%s", words)
    return words
