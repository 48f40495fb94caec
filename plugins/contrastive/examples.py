"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape

PAIR = {"left": {"video_z": Shape((8,))}, "right": {"audio_z": Shape((8,))}}
SEVERAL = {"anchor": {"video_z": Shape((8,))}, "candidates": {"text_z": Shape((3, 8))}}

EXAMPLES = [
    Example("head", "{use: projection, width: 8}", {"video": Shape((16,))}),
    Example("head", "{use: projection, width: 8, hidden: 12, norm: batch}", {"video": Shape((16,)), "audio": Shape((12,))}),
    Example("objective", "info_nce", PAIR),
    Example("objective", "{use: info_nce, learned: true, stop_gradient: left}", PAIR),
    Example("objective", "mil_nce", SEVERAL),
    Example("objective", "{use: mil_nce, positives_twice: true}", {"anchor": PAIR["left"], "candidates": PAIR["right"]}),
    Example("metric", "{use: retrieval, k: [1, 3]}", {"query": PAIR["left"], "gallery": PAIR["right"]}),
]
