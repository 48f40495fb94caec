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
    Example("mask", "zorro", STREAMS),
    Example("latents", "{use: latents, tokens: 3, width: 8}"),
    Example("readout", "{use: query_readout, mask: zorro, heads: 2}", STREAMS),
    Example("readout", "{use: query_readout, mask: joint, mlp_ratio: null, global_query: false}", STREAMS),
]
