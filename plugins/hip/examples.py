"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape, Stream

STREAMS = {
    "video": Stream("video", 8, (2, 3, 2)),
    "audio": Stream("audio", 8, (5,)),
    "fusion": Stream("fusion", 8, (3,), latent=True),
}
QUERIES = {"video_at": Stream("video_at", 8, (2, 3, 2)), "audio_at": Stream("audio_at", 8, (7,))}
MODALITIES = {name: STREAMS[name] for name in ("video", "audio")}
TABLES = "groups: [4, 2, 1, 2, 4], layers: [1, 0, 1, 1, 1], heads: [2, 2, 4, 2, 1]"

ENCODER = f"{{use: hip, mask: zorro, {TABLES}, latents: [4, 4, 3, 4, 4], channels: [8, 12, 16, 12, 10]"
STOCK = f"{{use: hip, mask: joint, {TABLES}, latents: [4, 4, 2, 4, 4], channels: [8, 12, 16, 12, 8]"

EXAMPLES = [
    Example("backbone", ENCODER + "}", STREAMS),
    Example("backbone", ENCODER + ", queries: {video_at: video, audio_at: fusion}}", STREAMS | QUERIES),
    Example("backbone", STOCK + "}", STREAMS),
    Example("backbone", STOCK + ", queries: {video_at: video, audio_at: audio}}", MODALITIES | QUERIES),
    Example("tokenizer", "{use: points, width: 8}", {"image": Shape((6, 3))}),
    Example("tokenizer", "{use: points, width: 8, patch: [3, 2, 2], position_projection: true}", {"clip": Shape((3, 4, 6))}),
    Example("latents", "{use: point_queries, grid: [2, 3], width: 8, position_projection: true}"),
    Example("readout", "{use: point_values, shape: [3, 4, 6], patch: [3, 2, 2]}", {"clip": Stream("clip", 8, (2, 3))}),
    Example("readout", "{use: point_values, shape: [6, 3]}", {"image": Stream("image", 8, (6,))}),
]
