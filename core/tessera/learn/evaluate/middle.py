"""The middle layers of a network, read without knowing its kind: what is left at strides 8 and 16, averaged over the tile."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tessera.learn.nets.encoders import Encoder

STRIDES = (8, 16)
_PROBE_PX = 64


class MiddleLayers(nn.Module):
    """Means of the last maps at each stride, one after the other.

    Args:
        encoder: a convolutional one; its weights are shared, not copied.
        names: modules whose output is read.
    """

    def __init__(self, encoder: Encoder, names: list[str]) -> None:
        super().__init__()
        self.encoder, self.names = encoder, names

    @classmethod
    def of(cls, encoder: Encoder) -> MiddleLayers | None:
        """The reader of an encoder; None when it has no maps at these strides (as a ViT)."""
        last: dict[int, str] = {}

        def note(name: str, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.dim() == 4:
                last[_PROBE_PX // max(output.shape[-1], 1)] = name

        hooks = [
            module.register_forward_hook(lambda _m, _i, output, name=name: note(name, output))
            for name, module in encoder.backbone.named_modules()
            if name
        ]
        mode = encoder.training
        try:
            with torch.inference_mode():
                encoder.eval()(torch.zeros(1, 3, _PROBE_PX, _PROBE_PX, dtype=torch.uint8))
        except (RuntimeError, AssertionError):  # it takes tiles of one size only
            return None
        finally:
            encoder.train(mode)
            for hook in hooks:
                hook.remove()
        names = [last[stride] for stride in STRIDES if stride in last]
        return cls(encoder, names) if len(names) == len(STRIDES) else None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, float (B, sum of channels), of images uint8 (B, 3, H, W)."""
        maps: dict[str, torch.Tensor] = {}
        modules = dict(self.encoder.backbone.named_modules())
        hooks = [
            modules[name].register_forward_hook(lambda _m, _i, output, name=name: maps.update({name: output}))
            for name in self.names
        ]
        try:
            self.encoder(images)
        finally:
            for hook in hooks:
                hook.remove()
        return torch.cat([maps[name].float().mean(dim=(2, 3)) for name in self.names], dim=1)
