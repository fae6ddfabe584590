"""Encoders and their fixed front ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tessera.errors import ConfigError
from tessera.learn.nets.encoders import build_encoder
from tessera.learn.nets.inputs import build_front
from torch import nn


def tiles(n: int = 2, px: int = 64) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, 3, px, px), dtype=np.uint8))


@pytest.mark.parametrize("name", ["alexnet-bn", "vgg16-bn"])
def test_the_papers_networks_give_4096_signed_features_at_any_size(name: str) -> None:
    encoder = build_encoder(name, weights="random", seed=0, input="grey-sobel").eval()
    with torch.inference_mode():
        features = encoder(tiles())
    assert features.shape == (2, 4096)
    assert features.min() < 0  # before the ReLU
    first = next(module for module in encoder.backbone.modules() if isinstance(module, nn.Conv2d))
    assert first.in_channels == 2
    assert first.weight.std().item() == pytest.approx(
        (2 / (first.weight[0, 0].numel() * first.out_channels)) ** 0.5, rel=0.05
    )


def test_alexnet_has_the_papers_shape() -> None:
    encoder = build_encoder("alexnet-bn", weights="random", seed=0)
    widths = [module.out_channels for module in encoder.backbone if isinstance(module, nn.Conv2d)]
    assert widths == [96, 256, 384, 384, 256]
    with torch.inference_mode():
        features = encoder.front(tiles(1, 224))
        for module in encoder.backbone:
            if isinstance(module, nn.AdaptiveAvgPool2d):
                assert features.shape == (1, 256, 6, 6)  # the pooling changes nothing at 224 px
                break
            features = module(features)


def test_sobel_is_blind_to_colour_and_sees_edges() -> None:
    front = build_front("grey-sobel")
    flat = front(torch.full((1, 3, 8, 8), 90, dtype=torch.uint8))
    assert flat[..., 1:-1, 1:-1].abs().max() < 1e-5
    step = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    step[..., 4:] = 200
    edges = front(step)[..., 1:-1, 1:-1]
    assert edges[0, 0].abs().max() > 1
    assert edges[0, 1].abs().max() < 1e-4


def test_haematoxylin_agrees_with_scikit_images_constants() -> None:
    from skimage.color import rgb2hed

    images = tiles(1, 16).clamp(min=20)
    ours = build_front("haematoxylin")(images)[0, 0].numpy()
    theirs = rgb2hed(images[0].permute(1, 2, 0).numpy())[..., 0]
    positive = theirs > 0  # they cut negative densities off
    assert np.corrcoef(ours[positive], theirs[positive])[0, 1] > 0.9999


def test_unknown_inputs_and_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="input=green"):
        build_encoder("tiny", weights="random", seed=0, input="green")
    with pytest.raises(ConfigError, match="no published weights"):
        build_encoder("alexnet-bn", weights="timm", seed=0)
    with pytest.raises(ConfigError, match="no such file"):
        build_encoder("tiny", weights=str(tmp_path / "none.pth"), seed=0)
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ConfigError, match="of another encoder"):
        build_encoder("tiny", weights=str(tmp_path / "other.pth"), seed=0)


def test_saved_weights_come_back(tmp_path: Path) -> None:
    made = build_encoder("tiny", weights="random", seed=3)
    torch.save({"state_dict": {f"module.{k}": v for k, v in made.backbone.state_dict().items()}}, tmp_path / "w.pth")
    back = build_encoder("tiny", weights=str(tmp_path / "w.pth"), seed=4)
    torch.testing.assert_close(back.eval()(tiles()), made.eval()(tiles()))
