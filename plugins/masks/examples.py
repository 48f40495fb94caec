"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Stream

STREAMS = {
    "video": Stream("video", 16, (2, 2)),
    "text": Stream("text", 16, (5,)),
    "fusion": Stream("fusion", 16, (3,), latent=True),
}

EXAMPLES = [
    Example("mask", "joint", STREAMS),
    Example("mask", "isolated", STREAMS),
    Example("mask", "{use: routes, video: [video], text: {text: causal, video: full}, fusion: [video, text, fusion]}", STREAMS),
]
