"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from antifaz.core.examples import Example
from antifaz.core.streams import Stream

STREAMS = {
    "video": Stream("video", 16, (2, 2, 2)),
    "audio": Stream("audio", 16, (5,)),
    "fusion": Stream("fusion", 16, (3,), latent=True),
}


# One block of width 8 on 2 x 2 patches of 4 x 4 pixels, in timm's names and in torchvision's; biases follow from the weights.
TIMM = {
    "cls_token": (1, 1, 8), "pos_embed": (1, 5, 8), "patch_embed.proj.weight": (8, 3, 4, 4), "norm.weight": (8,),
    "head.weight": (2, 8), "blocks.0.norm1.weight": (8,), "blocks.0.attn.qkv.weight": (24, 8), "blocks.0.attn.proj.weight": (8, 8),
    "blocks.0.norm2.weight": (8,), "blocks.0.mlp.fc1.weight": (16, 8), "blocks.0.mlp.fc2.weight": (8, 16),
}  # fmt: skip
BLOCK = "encoder.layers.encoder_layer_0"
TORCHVISION = {
    "class_token": (1, 1, 8), "encoder.pos_embedding": (1, 5, 8), "conv_proj.weight": (8, 3, 4, 4), "encoder.ln.weight": (8,),
    "heads.head.weight": (2, 8), f"{BLOCK}.ln_1.weight": (8,), f"{BLOCK}.self_attention.in_proj_weight": (24, 8),
    f"{BLOCK}.self_attention.out_proj.weight": (8, 8), f"{BLOCK}.ln_2.weight": (8,), f"{BLOCK}.mlp.0.weight": (16, 8),
    f"{BLOCK}.mlp.3.weight": (8, 16),
}  # fmt: skip


def checkpoint(sizes: Mapping[str, tuple[int, ...]]) -> Callable[[Path], None]:
    """Return a function that writes a checkpoint of these sizes."""

    def write(folder: Path) -> None:
        import torch
        from safetensors.torch import save_file

        biases = {name.removesuffix("weight") + "bias": size[:1] for name, size in sizes.items() if name.endswith("weight")}
        save_file({name: torch.randn(size) for name, size in {**sizes, **biases}.items()}, folder / "weights.safetensors")

    return write


EXAMPLES = [
    Example("weights", "{use: timm_vit, file: $FOLDER/weights.safetensors}", prepare=checkpoint(TIMM)),
    Example("weights", "{use: torchvision_vit, file: $FOLDER/weights.safetensors}", prepare=checkpoint(TORCHVISION)),
    Example("backbone", "{use: vit, mask: zorro, depth: 2, heads: 2}", STREAMS),
    Example("backbone", "{use: vit, mask: joint, depth: 1, heads: 2, dropout: 0.1, drop_path: 0.1}", STREAMS),
    Example("backbone", "{use: vit, mask: isolated, depth: 1, heads: 4, attention: dense}", STREAMS),
    Example("backbone", "{use: vit, mask: zorro, depth: 2, heads: 2, relative_positions: [audio]}", STREAMS),
]
