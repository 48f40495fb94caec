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
    Example("backbone", "{use: vit, mask: zorro, depth: 2, heads: 2}", STREAMS),
    Example("backbone", "{use: vit, mask: joint, depth: 1, heads: 2, dropout: 0.1, drop_path: 0.1}", STREAMS),
    Example("backbone", "{use: vit, mask: isolated, depth: 1, heads: 4, attention: dense}", STREAMS),
]
