"""torchvision's Swin weights under our names: swin_t, swin_s, swin_b and swin3d_t, swin3d_s, swin3d_b.

Source: `torchvision.models.swin_transformer` and `torchvision.models.video.swin_transformer`. Swin V2 is another architecture: its
names that have no place here stay over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from ..model import ONLY

UNKNOWN = ""
"""The part of names that no module of ours has."""

PATCHES = re.compile(r"(?:features\.0\.0|patch_embed\.proj)\.(weight|bias)")
EMBED_NORM = re.compile(r"(?:features\.0\.2|patch_embed\.norm)\.(weight|bias)")
BLOCK = re.compile(r"features\.(\d+)\.(\d+)\.(.+)")
MERGING = re.compile(r"features\.(\d+)\.((?:norm|reduction)\.\w+)")
WITHIN_BLOCK = {
    "norm1": "attention_norm",
    "attn.qkv": "attention.qkv",
    "attn.proj": "attention.out",
    "norm2": "mlp_norm",
    "mlp.0": "mlp.up",
    "mlp.3": "mlp.down",
}
DERIVED = "attn.relative_position_index"
"""A buffer of theirs that follows from the window."""


def translate(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """A state dict of torchvision's -> {"patches": tubelets, "encoder": swin, "head": linear_heads}; what is unknown under "".

    Kernels of patches stay as convolutions have them, and tables are those of a backbone with one modality: the modules adapt them.
    """
    parts: dict[str, dict[str, Tensor]] = {UNKNOWN: {}, "patches": {}, "encoder": {}, "head": {}}
    # The 2D models keep their patch embedding as the first of the features, which moves the stages on by one.
    first = 0 if any(name.startswith("patch_embed.") for name in state) else 1
    for name, value in state.items():
        if name.endswith(DERIVED):
            continue
        part, renamed = _renamed(name, first)
        parts[part][renamed] = value
    return parts


def _renamed(name: str, first: int) -> tuple[str, str]:
    """The part and the name in it."""
    if match := PATCHES.fullmatch(name):
        return "patches", f"project.{match[1]}"
    if match := EMBED_NORM.fullmatch(name):
        return "encoder", f"embed_norm.{match[1]}"
    if (match := MERGING.fullmatch(name)) and (int(match[1]) - first) % 2 == 1:
        return "encoder", f"mergings.{(int(match[1]) - first) // 2}.patches.{match[2]}"
    if (match := BLOCK.fullmatch(name)) and (int(match[1]) - first) % 2 == 0:
        inner = _within_block(match[3])
        if inner is not None:
            return "encoder", f"stages.{(int(match[1]) - first) // 2}.blocks.{match[2]}.{inner}"
    if name in ("norm.weight", "norm.bias"):
        return "encoder", name
    if name in ("head.weight", "head.bias"):
        return "head", name.replace("head", "map")
    return UNKNOWN, name


def _within_block(name: str) -> str | None:
    if name == "attn.relative_position_bias_table":
        return f"attention.tables.{ONLY}"
    module, _, leaf = name.rpartition(".")
    return f"{WITHIN_BLOCK[module]}.{leaf}" if module in WITHIN_BLOCK else None
