"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Stream

STREAMS = {
    "video": Stream("video", 16, (2, 2, 2)),
    "audio": Stream("audio", 16, (5,)),
    "fusion": Stream("fusion", 16, (3,), latent=True),
}

EXAMPLES = [
    Example("backbone", "{use: bottleneck, depth: 4, heads: 2, fusion_layer: 1, dropout: 0.1, drop_path: 0.1}", STREAMS),
    Example("backbone", "{use: bottleneck, depth: 3, heads: 4, fusion_layer: 0, shared: true}", STREAMS),
]
