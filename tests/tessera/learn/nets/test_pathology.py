"""The table of pathology encoders: every network can be built as the table says, and weights of other libraries fit."""

from __future__ import annotations

import re

import pytest
import timm
import torch
from tessera.errors import ConfigError
from tessera.learn.nets.encoders import build_encoder
from tessera.learn.nets.families import make
from tessera.learn.nets.layouts import to_timm
from tessera.learn.nets.pathology import TABLE, PathologyEncoder, known, licence_of
from tessera.learn.nets.tokens import Tokens
from tessera.learn.nets.weights import State, fit_state
from torch import nn

BUILT = [row for row in TABLE if row.architecture]
# parameters in millions, as the models' authors and LazySlide's registry give them
PARAMETERS = {"uni": 303.4, "uni2-h": 681.4, "virchow": 631.2, "virchow2": 631.2, "h0-mini": 85.7, "phikon": 85.8}


def test_the_table_is_whole() -> None:
    assert len(TABLE) >= 20
    assert len({row.name for row in TABLE}) == len(TABLE) == len({row.hub for row in TABLE})
    for row in TABLE:
        assert re.fullmatch(r"[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+", row.hub)
        assert row.licence
        assert row.citation
        assert row.px % row.patch_px == 0
        assert not row.commercial or row.licence in ("Apache-2.0", "MIT")
    assert known("UNI2-h") is known("hf-hub:MahmoodLab/UNI2-h")
    assert "no commercial use" in licence_of("virchow2")
    assert licence_of("resnet18") == ""


@pytest.mark.parametrize("row", BUILT, ids=lambda row: row.name)
def test_every_network_can_be_built_and_has_the_length_that_is_told(row: PathologyEncoder) -> None:
    with torch.device("meta"):
        made = make(row.name, 3)
    width = int(made.network.num_features)
    assert row.features == width * (2 if row.pooling == "class+mean" else 1)
    if row.name in PARAMETERS:
        assert sum(p.numel() for p in made.network.parameters()) / 1e6 == pytest.approx(PARAMETERS[row.name], abs=0.06)


def test_an_encoder_whose_network_is_code_of_its_own_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError, match="not run here; extract its features"):
        build_encoder("conch", weights="imagenet", seed=0)


def vit(**arguments: object) -> nn.Module:
    small = {"img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 2, "num_heads": 3, "num_classes": 0}
    network: nn.Module = timm.create_model("vit_tiny_patch16_224", **{**small, **arguments})
    return network.eval()


def in_transformers_names(state: State) -> State:
    """timm's names as Dinov2Model has them; queries, keys and values apart."""
    outside = {
        "cls_token": "embeddings.cls_token",
        "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
        "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    }
    inside = {"attn.proj": "attention.output.dense", "mlp.fc1": "mlp.weights_in", "mlp.fc2": "mlp.weights_out"}
    found: State = {"embeddings.mask_token": torch.zeros(1, 24)}
    for key, value in state.items():
        if key in outside:
            found[outside[key]] = value
            continue
        _, number, rest = key.split(".", 2)
        module, kind = rest.rsplit(".", 1)
        begin = f"encoder.layer.{number}."
        if module == "attn.qkv":
            for name, part in zip(("query", "key", "value"), value.chunk(3), strict=True):
                found[f"{begin}attention.attention.{name}.{kind}"] = part
        elif module in ("ls1", "ls2"):
            found[f"{begin}layer_scale{module[-1]}.lambda1"] = value
        else:
            found[f"{begin}{inside.get(module, module)}.{kind}"] = value
    return found


def test_weights_of_transformers_fit_whole() -> None:
    network, other = vit(init_values=1e-5), vit(init_values=1e-5)
    fit = fit_state(other, to_timm(in_transformers_names(network.state_dict()), "dinov2", other))
    assert fit.whole, fit.words()
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(other(images), network(images))


def test_class_token_and_mean_of_patches_leave_registers_out() -> None:
    network = vit(reg_tokens=4)
    tokens = network.forward_features(torch.zeros(1, 3, 32, 32))
    assert tokens.shape[1] == 1 + 4 + 4
    both = Tokens(network, "class+mean")(torch.zeros(1, 3, 32, 32))
    torch.testing.assert_close(both, torch.cat([tokens[:, 0], tokens[:, 5:].mean(1)], 1))
    torch.testing.assert_close(Tokens(network, "class")(torch.zeros(1, 3, 32, 32)), tokens[:, 0])
