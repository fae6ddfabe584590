"""Encoders from a hub: a tiny vision transformer served by a stand-in that is gated, slow, broken off or not there."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from tessera.errors import ConfigError
from tessera.learn.nets.encoders import Encoder, build_encoder
from torch import nn

from tests.standins.hub_server import Hub

NAME = "hf-hub:tiny/vit"
ARGUMENTS = {"img_size": 64, "patch_size": 16, "embed_dim": 48, "depth": 2, "num_heads": 3}


def tiny_vit() -> nn.Module:
    torch.manual_seed(5)
    network: nn.Module = timm.create_model("vit_tiny_patch16_224", num_classes=0, dynamic_img_size=True, **ARGUMENTS)
    return network


def publish(folder: Path, network: nn.Module) -> Path:
    folder.mkdir(parents=True)
    save_file(network.state_dict(), folder / "model.safetensors")
    told = {
        "architecture": "vit_tiny_patch16_224",
        "model_args": ARGUMENTS,
        "pretrained_cfg": {
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
            "input_size": [3, 64, 64],
            "license": "mit",
        },
    }
    (folder / "config.json").write_text(json.dumps(told))
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    publish(tmp_path / "hub" / "tiny" / "vit", tiny_vit())
    with Hub(tmp_path / "hub") as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield served


def built(name: str = NAME) -> Encoder:
    return build_encoder(name, weights="imagenet", seed=0).eval()


def test_a_hub_encoder_gives_what_its_network_gives_at_its_own_colours_and_at_other_sizes(hub: Hub) -> None:
    encoder, network = built(), tiny_vit().eval()
    for px in (64, 96):
        images = torch.randint(0, 256, (2, 3, px, px), dtype=torch.uint8)
        with torch.inference_mode():
            torch.testing.assert_close(encoder(images), network((images / 255 - 0.5) / 0.25))
    assert encoder.dim == 48
    assert encoder.origin.licence == f"{NAME}: mit"


def test_the_cache_is_looked_at_first(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    built()
    asked = len(hub.asked)
    built()
    assert len(hub.asked) == asked
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens: an air-gapped machine
    built()


def test_a_folder_needs_no_hub(hub: Hub) -> None:
    name = f"local-dir:{hub.root / 'tiny' / 'vit'}"
    torch.testing.assert_close(built(name).state_dict(), built().state_dict())
    with pytest.raises(ConfigError, match="no such folder"):
        built("local-dir:/nowhere")


def test_a_gated_encoder_asks_for_a_token_and_never_shows_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hub.gated.add("tiny/vit")
    with pytest.raises(ConfigError, match="gated and no HF_TOKEN is set: ask for access"):
        built()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong_one")
    with pytest.raises(ConfigError, match="does not open it") as refused:
        built()
    monkeypatch.setenv("HF_TOKEN", hub.token)
    built()
    for secret in ("hf_wrong_one", hub.token):
        assert secret not in str(refused.value) + str(refused.value.__cause__) + caplog.text


def test_a_download_that_breaks_off_is_tried_again(hub: Hub) -> None:
    hub.faults.breaks = 1
    torch.testing.assert_close(built().state_dict()["backbone.norm.weight"], tiny_vit().state_dict()["norm.weight"])
    fetched = [path for method, path, _ in hub.asked if method == "GET" and path.endswith("model.safetensors")]
    assert len(fetched) == 2


def test_a_slow_hub_is_waited_for(hub: Hub) -> None:
    hub.faults.piece_s = 0.02
    assert built().dim == 48


def test_a_name_that_the_hub_does_not_know_is_told(hub: Hub) -> None:
    with pytest.raises(ConfigError, match="no such repository"):
        built("hf-hub:tiny/none")
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        built("hf-hub:a/b/c")


@pytest.mark.slow  # huggingface_hub tries six times before it gives up
def test_without_a_hub_the_way_out_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"cannot be fetched .*local-dir:PATH"):
        built("hf-hub:tiny/other")


def test_a_config_of_another_library_is_refused(hub: Hub, tmp_path: Path) -> None:
    folder = hub.root / "tiny" / "vit"
    (folder / "config.json").write_text('{"model_type": "dinov2"}')
    with pytest.raises(ConfigError, match="is not one of timm"):
        built()
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"has no config\.json"):
        built(f"local-dir:{folder}")
