"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape

CLIP = {"clip": Shape((4, 3, 16, 16), "uint8")}

EXAMPLES = [
    Example("decoder", "{use: frames, fps: 4, size: 16, resize: 20, augment: [random_crop, flip]}"),
    Example("decoder", "{use: frames, fps: 4, size: 16, crops: 3}"),
    Example("transform", "random_crop", CLIP),
    Example("transform", "flip", CLIP),
    Example("transform", "{use: color_jitter, brightness: 0.4, saturation: 0.4}", CLIP),
    Example("tokenizer", "{use: tubelets, patch: [2, 4, 4], width: 16}", {"video": Shape((3, 4, 8, 8))}),
    Example("tokenizer", "{use: tubelets, patch: [2, 4, 4], width: 16, positions: separable}", {"video": Shape((3, 4, 8, 8))}),
    Example(
        "tokenizer", "{use: tubelets, patch: [4, 4, 4], width: 16, repeat: 4, positions: none}", {"image": Shape((3, 1, 8, 8))}
    ),
]
