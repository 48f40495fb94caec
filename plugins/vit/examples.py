"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from antifaz.core.examples import Example
from antifaz.core.streams import Stream

STREAMS = {
    "video": Stream("video", 16, (2, 2, 2)),
    "audio": Stream("audio", 16, (5,)),
    "fusion": Stream("fusion", 16, (3,), latent=True),
}


def write_timm(folder: Path) -> None:
    """One block of width 8 on 2 x 2 patches of 4 x 4 pixels, in timm's names."""
    _write(folder, {"cls_token": (1, 1, 8), "pos_embed": (1, 5, 8)}, "patch_embed.proj", "blocks.0", TIMM_BLOCK, "norm", "head")


def write_torchvision(folder: Path) -> None:
    """The same in torchvision's names."""
    singles = {"class_token": (1, 1, 8), "encoder.pos_embedding": (1, 5, 8)}
    block = "encoder.layers.encoder_layer_0"
    _write(folder, singles, "conv_proj", block, TORCHVISION_BLOCK, "encoder.ln", "heads.head")


TIMM_BLOCK = ("norm1", "attn.qkv.", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
TORCHVISION_BLOCK = ("ln_1", "self_attention.in_proj_", "self_attention.out_proj", "ln_2", "mlp.0", "mlp.3")
BLOCK_SIZES = ((8,), (24, 8), (8, 8), (8,), (16, 8), (8, 16))


def _write(
    folder: Path, singles: Mapping[str, tuple[int, ...]], patches: str, block: str, inner: Sequence[str], norm: str, head: str
) -> None:
    import torch
    from safetensors.torch import save_file

    sizes = {
        patches: (8, 3, 4, 4),
        norm: (8,),
        head: (2, 8),
        **{f"{block}.{n}": s for n, s in zip(inner, BLOCK_SIZES, strict=True)},
    }
    state = {name: torch.randn(size) for name, size in singles.items()}
    for name, size in sizes.items():
        stem = name if name[-1] in "._" else f"{name}."
        state |= {f"{stem}weight": torch.randn(size), f"{stem}bias": torch.randn(size[0])}
    save_file(state, folder / "weights.safetensors")


EXAMPLES = [
    Example("weights", "{use: timm_vit, file: $FOLDER/weights.safetensors}", prepare=write_timm),
    Example("weights", "{use: torchvision_vit, file: $FOLDER/weights.safetensors}", prepare=write_torchvision),
    Example("backbone", "{use: vit, mask: zorro, depth: 2, heads: 2}", STREAMS),
    Example("backbone", "{use: vit, mask: joint, depth: 1, heads: 2, dropout: 0.1, drop_path: 0.1}", STREAMS),
    Example("backbone", "{use: vit, mask: isolated, depth: 1, heads: 4, attention: dense}", STREAMS),
]
