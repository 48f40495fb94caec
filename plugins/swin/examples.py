"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from pathlib import Path

from antifaz.core.examples import Example
from antifaz.core.streams import Stream

STREAMS = {
    "video": Stream("video", 8, (3, 4, 5)),
    "audio": Stream("audio", 8, (4, 6)),
    "fusion": Stream("fusion", 8, (3,), latent=True),
}

# A block of width 8 with 2 heads in windows of 2 x 2, behind patches of 4 x 4 pixels, in torchvision's names.
TORCHVISION = {
    "features.0.0.weight": (8, 3, 4, 4), "features.0.2.weight": (8,), "features.1.0.norm1.weight": (8,),
    "features.1.0.attn.relative_position_bias_table": (9, 2), "features.1.0.attn.qkv.weight": (24, 8),
    "features.1.0.attn.proj.weight": (8, 8), "features.1.0.norm2.weight": (8,), "features.1.0.mlp.0.weight": (32, 8),
    "features.1.0.mlp.3.weight": (8, 32), "norm.weight": (8,), "head.weight": (2, 8),
}  # fmt: skip


def checkpoint(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    biases = {name.removesuffix("weight") + "bias": size[:1] for name, size in TORCHVISION.items() if name.endswith("weight")}
    save_file({name: torch.randn(size) for name, size in {**TORCHVISION, **biases}.items()}, folder / "weights.safetensors")


EXAMPLES = [
    Example("weights", "{use: torchvision_swin, file: $FOLDER/weights.safetensors}", prepare=checkpoint),
    Example("backbone", "{use: swin, depths: [2], heads: [2], window: [2, 2]}", {"image": Stream("image", 8, (5, 4))}),
    Example(
        "backbone",
        "{use: swin, mask: zorro, depths: [2, 1], heads: [2, 4], window: {video: [2, 2, 3], audio: [3, 2]}}",
        STREAMS,
    ),
    Example(
        "backbone",
        "{use: swin, mask: isolated, depths: [1, 1], heads: [1, 2], window: [2, 2], dropout: 0.1, drop_path: 0.1,"
        " embed_norm: false}",
        {"video": Stream("video", 8, (2, 4, 4)), "audio": Stream("audio", 8, (3, 8))},
    ),
]
