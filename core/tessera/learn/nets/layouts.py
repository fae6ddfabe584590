"""Weights of vision transformers in other libraries' names, renamed to timm's.

Position tables keep their size; timm resamples them for tiles of another size (bicubic with antialiasing, where the
transformers library has none: features differ a little at other sizes than the stored one).
"""

from __future__ import annotations

import re

import torch
from torch import nn

from tessera.learn.nets.weights import State

_DROPPED = ("pooler.", "classifier.", "embeddings.mask_token")
_FIXED = {
    "embeddings.cls_token": "cls_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.register_tokens": "reg_token",
    "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "layernorm.weight": "norm.weight",
    "layernorm.bias": "norm.bias",
}
_IN_BLOCK = {
    "attention.output.dense": "attn.proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "norm1": "norm1",
    "norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "mlp.weights_in": "mlp.fc1",
    "mlp.weights_out": "mlp.fc2",
    "layer_scale1": "ls1",
    "layer_scale2": "ls2",
}
_BLOCK = re.compile(r"encoder\.layer\.(\d+)\.(.+)\.(weight|bias|lambda1)")
_QKV = ("attention.attention.query", "attention.attention.key", "attention.attention.value")


def to_timm(state: State, layout: str, network: nn.Module) -> State:
    """Rename weights to timm's names.

    Args:
        state: tensors by name.
        layout: timm (nothing to do), vit or dinov2 (ViTModel and Dinov2Model of transformers), dinov2-hub (Meta's own).
        network: of timm, which they are for.

    Returns:
        Tensors by timm's names; names that are not understood stay as they are, so that strict loading shows them.
    """
    if layout in ("vit", "dinov2"):
        return _from_transformers(state)
    if layout == "dinov2-hub":
        from timm.models.vision_transformer import checkpoint_filter_fn

        found: State = checkpoint_filter_fn(dict(state), network)
        return found
    return state


def _from_transformers(state: State) -> State:
    renamed: State = {}
    parts: dict[str, dict[str, torch.Tensor]] = {}  # queries, keys and values of a block, which timm keeps in one
    for stored, value in state.items():
        key = re.sub(r"^(vit|dinov2|model)\.", "", stored)
        if key.startswith(_DROPPED):
            continue
        block = _BLOCK.fullmatch(key)
        if block is None:
            renamed[_FIXED.get(key, key)] = value
            continue
        number, module, kind = block.groups()
        if module in _QKV:
            parts.setdefault(f"blocks.{number}.attn.qkv.{kind}", {})[module] = value
        elif module in _IN_BLOCK:
            renamed[f"blocks.{number}.{_IN_BLOCK[module]}.{'gamma' if kind == 'lambda1' else kind}"] = value
        else:
            renamed[key] = value
    return renamed | {key: torch.cat([three[name] for name in _QKV if name in three]) for key, three in parts.items()}
