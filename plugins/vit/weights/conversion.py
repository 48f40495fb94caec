"""The names of other libraries' vision transformers, in ours.

Parts: `patches` (a tokenizer's `project` and `positions`), `class_token` (a latent of one token, its position added), `encoder`,
`head`. What neither library's models have stands under "".  Axes: W width, C channels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from torch import Tensor

Parts = dict[str, dict[str, Tensor]]

TORCHVISION: Mapping[str, str] = {
    "class_token": "class_token",
    "encoder.pos_embedding": "positions",
    "conv_proj": "project",
    "encoder.ln": "norm",
    "heads.head": "map",
    "ln_1": "attention_norm",
    "self_attention.in_proj": "qkv",
    "self_attention.out_proj": "attention.out",
    "ln_2": "mlp_norm",
    "mlp.0": "mlp.up",
    "mlp.linear_1": "mlp.up",
    "mlp.3": "mlp.down",
    "mlp.linear_2": "mlp.down",
}
TIMM: Mapping[str, str] = {
    "cls_token": "class_token",
    "pos_embed": "positions",
    "patch_embed.proj": "project",
    "norm": "norm",
    "head": "map",
    "norm1": "attention_norm",
    "attn.qkv": "qkv",
    "attn.proj": "attention.out",
    "norm2": "mlp_norm",
    "mlp.fc1": "mlp.up",
    "mlp.fc2": "mlp.down",
}
PART_OF = {"project": "patches", "norm": "encoder", "map": "head"}


def from_torchvision(state: Mapping[str, Tensor]) -> Parts:
    """torchvision's `VisionTransformer`; `mlp.0` and `mlp.linear_1` are its newer and older names."""
    # Its fused projection has `in_proj_weight`, where all else has `name.weight`.
    named = {name.replace("in_proj_", "in_proj."): value for name, value in state.items()}
    return _parts(named, r"encoder\.layers\.encoder_layer_(\d+)\.(.+)", TORCHVISION)


def from_timm(state: Mapping[str, Tensor]) -> Parts:
    """timm's `VisionTransformer` with a class token and without layer scale."""
    return _parts(state, r"blocks\.(\d+)\.(.+)", TIMM)


def _parts(state: Mapping[str, Tensor], block: str, names: Mapping[str, str]) -> Parts:
    parts: Parts = {"": {}, "patches": {}, "class_token": {}, "encoder": {}, "head": {}}
    singles: dict[str, Tensor] = {}
    for foreign, value in state.items():
        inner = re.fullmatch(block, foreign)
        stem, _, leaf = (inner[2] if inner else foreign).rpartition(".")
        if foreign in names and not inner:
            singles[names[foreign]] = value
        elif (ours := names.get(stem)) is None or leaf not in ("weight", "bias"):
            parts[""][foreign] = value
        elif inner:
            parts["encoder"] |= {f"blocks.{inner[1]}.{name}": tensor for name, tensor in _unfused(ours, leaf, value)}
        else:
            parts[PART_OF[ours]][f"{ours}.{leaf}"] = value
    if {"class_token", "positions"} <= singles.keys():
        table = singles["positions"][0]  # (1 + patches, W)
        parts["class_token"]["values"] = singles["class_token"][0] + table[:1]
        side = math.isqrt(len(table) - 1)
        square = side * side == len(table) - 1
        parts["patches"]["positions"] = table[1:].unflatten(0, (side, side)) if square else table[1:]
    return parts


def _unfused(name: str, leaf: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Query, key and value are one matrix (3 W, W) there; here the query is apart."""
    if name != "qkv":
        yield f"{name}.{leaf}", value
        return
    width = len(value) // 3
    yield f"attention.query.{leaf}", value[:width]
    yield f"attention.key_value.{leaf}", value[width:]
