"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape, Stream

STREAMS = {"video": Stream("video", 16, (2, 2, 2)), "audio": Stream("audio", 8, (5,))}
POOLED = {"video": Shape((16,)), "audio": Shape((12,)), "text": Shape((3, 8))}

EXAMPLES = [
    Example("backbone", "drop_token", STREAMS),
    Example("backbone", "{use: drop_token, rate: 0.25, draw: sample}", STREAMS),
    Example("head", "{use: common_space, width: 8, text_width: 4}", POOLED),
    Example("head", "{use: common_space, width: 8, text_width: 4, variant: code}", POOLED),
    Example("head", "{use: common_space, width: 8}", {"video": Shape((16,)), "audio": Shape((12,))}),
]
