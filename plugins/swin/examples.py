"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Stream

STREAMS = {
    "video": Stream("video", 8, (3, 4, 5)),
    "audio": Stream("audio", 8, (4, 6)),
    "fusion": Stream("fusion", 8, (3,), latent=True),
}

EXAMPLES = [
    Example("backbone", "{use: swin, depths: [2], heads: [2], window: [2, 2]}", {"image": Stream("image", 8, (5, 4))}),
    Example(
        "backbone",
        "{use: swin, mask: zorro, depths: [2, 1], heads: [2, 4], window: {video: [2, 2, 3], audio: [3, 2]}}",
        STREAMS,
    ),
    Example(
        "backbone",
        "{use: swin, mask: isolated, depths: [1, 2], heads: [1, 2], window: [2, 2], dropout: 0.1, drop_path: 0.1,"
        " embed_norm: false}",
        {"video": Stream("video", 8, (2, 4, 4)), "audio": Stream("audio", 8, (3, 8))},
    ),
]
