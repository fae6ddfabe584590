"""The two networks of DeepCluster (Caron et al. 2018): AlexNet and VGG-16, both with batch normalisation.

The feature is the second 4096-d layer before its ReLU. Deviation: the last feature map is pooled to the size that it
has at 224 px (6 x 6, 7 x 7), so that tiles of any size can be used; at 224 px the pooling changes nothing.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

FEATURES = 4096
_VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def alexnet_bn(channels: int) -> nn.Module:
    """AlexNet with batch normalisation instead of local response normalisation; widths 96, 256, 384, 384, 256.

    Args:
        channels: number of input channels.

    Returns:
        float (B, channels, H, W) -> float (B, 4096).
    """
    layers = [
        *_conv(channels, 96, kernel=11, stride=4, padding=2),
        nn.MaxPool2d(3, 2),
        *_conv(96, 256, kernel=5, padding=2),
        nn.MaxPool2d(3, 2),
        *_conv(256, 384),
        *_conv(384, 384),
        *_conv(384, 256),
        nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(256 * 36, FEATURES),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(FEATURES, FEATURES),
    ]
    return _initialised(nn.Sequential(*layers))


def vgg16_bn(channels: int) -> nn.Module:
    """VGG-16 with batch normalisation.

    Args:
        channels: number of input channels.

    Returns:
        float (B, channels, H, W) -> float (B, 4096).
    """
    layers: list[nn.Module] = []
    before = channels
    for widths in _VGG16:
        for inputs, outputs in pairwise((before, *widths)):
            layers += _conv(inputs, outputs)
        layers.append(nn.MaxPool2d(2, 2))
        before = widths[-1]
    layers += [
        nn.AdaptiveAvgPool2d(7),
        nn.Flatten(),
        nn.Linear(512 * 49, FEATURES),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(FEATURES, FEATURES),
    ]
    return _initialised(nn.Sequential(*layers))


def _conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _initialised(network: nn.Module) -> nn.Module:
    """Convolutions N(0, sqrt(2 / fan_out)), linear layers N(0, 0.01), no bias, as the paper's code starts."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                module.weight.normal_(0, math.sqrt(2 / fan_out))
            elif isinstance(module, nn.Linear):
                module.weight.normal_(0, 0.01)
            if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
                module.bias.zero_()
    return network
