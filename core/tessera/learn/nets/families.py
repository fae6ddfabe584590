"""Families of networks: each is built without weights, and knows how its published ones are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tessera.errors import ConfigError
from tessera.learn.nets import bundled, hub
from tessera.learn.nets.alexnet_vgg import FEATURES, alexnet_bn, vgg16_bn
from tessera.learn.nets.inputs import IMAGENET_MEAN, IMAGENET_STD, Colour
from tessera.learn.nets.layouts import to_timm
from tessera.learn.nets.pathology import PathologyEncoder, check_runnable, known
from tessera.learn.nets.weights import State, read_state

OWN: dict[str, tuple[Callable[[int], nn.Module], int]] = {
    "alexnet-bn": (alexnet_bn, FEATURES),
    "vgg16-bn": (vgg16_bn, FEATURES),
}


@dataclass(frozen=True)
class Made:
    """A network before its weights.

    Attributes:
        network: whose tensors the weights are.
        dim: length of a feature vector.
        mean: of its input, 0-1.
        std: of its input, 0-1.
        head: prefixes of a classifier's tensors, which it is built without.
        licence: of the weights that it is published with.
        published: reads these; None when there are none.
        pooling: of a vision transformer's tokens; empty for networks that pool themselves.
    """

    network: nn.Module
    dim: int
    mean: Colour = IMAGENET_MEAN
    std: Colour = IMAGENET_STD
    head: tuple[str, ...] = ()
    licence: str = ""
    published: Callable[[], tuple[State, str]] | None = None
    pooling: str = ""


def check_timm(name: str) -> None:
    """Refuse a name that timm does not know.

    Raises:
        ConfigError: no such encoder; the message names similar ones.
    """
    import timm

    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name[:6]}*")[:5]) or "tf_efficientnet_lite0, resnet50, uni2-h"
        raise ConfigError(f"encoder={name}: timm knows no such model; near: {close}")


def make(name: str, channels: int) -> Made:
    """A network by name, with random weights.

    Raises:
        ConfigError: no such network, or what is known of it cannot be fetched.
    """
    if name == "tiny":
        return Made(_tiny(channels), 32)
    if name in OWN:
        build, dim = OWN[name]
        return Made(build(channels), dim)
    row = known(name)
    if row is not None:
        return _from_table(row, channels)
    if hub.is_hub_name(name):
        return _from_hub(name, channels)
    return _from_timm(name, channels)


class _Tiny(nn.Sequential):
    strides: ClassVar[dict[int, str]] = {2: "0", 4: "1", 8: "2"}  # and the modules that have them


def _tiny(channels: int) -> nn.Module:
    """About 15,000 parameters: enough to tell drawn textures apart."""

    def block(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    return _Tiny(block(channels, 16), block(16, 32), block(32, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _from_timm(name: str, channels: int) -> Made:
    import timm

    check_timm(name)
    network = _create(name, channels, {})
    about = timm.get_pretrained_cfg(name)
    facts: dict[str, Any] = {} if about is None else about.to_dict()
    head = facts.get("classifier") or ()
    bundle = name == bundled.ENCODER

    def published() -> tuple[State, str]:
        if bundle:
            return _adapted(bundled.read(network), facts, channels), f"imagenet ({bundled.source()})"
        try:
            full = timm.create_model(name, pretrained=True, num_classes=0, in_chans=channels)
        except (
            OSError,
            RuntimeError,
            ValueError,
        ) as error:  # no network: huggingface_hub raises OSErrors of several kinds
            raise ConfigError(
                f"the weights of {name} cannot be downloaded ({type(error).__name__}: {error}): take "
                f"encoder={bundled.ENCODER}, whose weights come with Tessera, a file (weights=PATH), or weights=random"
            ) from error
        return full.state_dict(), f"timm {facts.get('tag') or ''}".strip()

    return Made(
        network,
        int(network.num_features),
        tuple(facts.get("mean", IMAGENET_MEAN)),
        tuple(facts.get("std", IMAGENET_STD)),
        (head,) if isinstance(head, str) else tuple(head),
        bundled.LICENCE if bundle else str(facts.get("license") or ""),
        published,
    )


def _from_table(row: PathologyEncoder, channels: int) -> Made:
    check_runnable(row)
    network = _create(row.architecture, channels, _with_classes(row.arguments))

    def published() -> tuple[State, str]:
        path = hub.find_weights(f"{hub.HUB}{row.hub}", row.file)
        return to_timm(read_state(path, told=f"the weights of {row.name}"), row.layout, network), f"hf-hub:{row.hub}"

    mean, std = row.colour
    return Made(network, row.features, mean, std, ("head",), row.licence_words(), published, row.pooling)


def _from_hub(name: str, channels: int) -> Made:
    told = hub.read_config(name)
    check_timm(told.architecture)
    network = _create(told.architecture, channels, {**told.arguments, "num_classes": 0})

    def published() -> tuple[State, str]:
        return read_state(hub.find_weights(name), told=f"the weights of {name}"), name

    licence = f"{name}: {told.licence}" if told.licence else f"{name}: see its model card"
    return Made(network, int(network.num_features), told.mean, told.std, (told.head,), licence, published)


def _with_classes(arguments: Any) -> dict[str, Any]:
    """Arguments with timm's classes in place of their names."""
    from timm.layers import SwiGLUPacked

    classes = {"swiglu": SwiGLUPacked, "silu": nn.SiLU}
    return {key: classes.get(value, value) if isinstance(value, str) else value for key, value in arguments.items()}


def _create(name: str, channels: int, arguments: dict[str, Any]) -> nn.Module:
    """A network of timm without its classifier; vision transformers take any size by resampling their positions."""
    import timm

    wanted: dict[str, Any] = {"num_classes": 0, "in_chans": channels, **arguments}
    transformer = name.startswith(("vit_", "deit", "eva", "beit"))
    try:
        network: nn.Module = timm.create_model(
            name, pretrained=False, **wanted, **({"dynamic_img_size": True} if transformer else {})
        )
    except TypeError:  # a family without that argument
        network = timm.create_model(name, pretrained=False, **wanted)
    return network


def _adapted(state: State, facts: dict[str, Any], channels: int) -> State:
    """Weights for another number of channels: the first convolution is folded or repeated, as timm does."""
    if channels == 3:
        return state
    from timm.models import adapt_input_conv

    key = f"{facts['first_conv']}.weight"
    return {**state, key: adapt_input_conv(channels, state[key])}
