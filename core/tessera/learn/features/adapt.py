"""Batch statistics of the own tiles in place of those that a network was published with."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from tessera.learn.features.device import autocast

SAMPLE = 640  # tiles that statistics are taken from: more change them little


def adapt_statistics(
    network: nn.Module, batches: Iterable[torch.Tensor], device: torch.device, precision: str = "auto"
) -> int:
    """Set the running statistics of every batch norm to the mean over some batches (Li et al. 2016, AdaBN).

    Weights stay as they are. Deviation: statistics of a batch are averaged, as torch does with momentum=None, and not
    joined into those of the whole sample; with batches of one size the means are the same and variances lack what is
    between them.

    Args:
        network: changed in place; left in evaluation mode.
        batches: images that the network takes, uint8 (B, 3, H, W); those of one image are passed over.
        device: where the network is.
        precision: of products.

    Returns:
        How many batch norms were set; 0 for networks without any.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        network.eval()
        return 0
    network.eval()
    momenta, seen = [layer.momentum for layer in layers], False
    kept = [{key: value.clone() for key, value in layer.state_dict().items()} for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    with torch.no_grad(), autocast(device, precision):
        for batch in batches:
            if len(batch) > 1:
                network(batch.to(device))
                seen = True
    for layer, momentum, before in zip(layers, momenta, kept, strict=True):
        layer.momentum = momentum
        layer.eval()
        if not seen or int(layer.num_batches_tracked or 0) == 0:  # not on the way to what is read
            layer.load_state_dict(before)
    return len(layers) if seen else 0
