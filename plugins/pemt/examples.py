"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape, Stream

STREAMS = {"video": Stream("video", 16, (5,)), "audio": Stream("audio", 16, (4,))}
SEQUENCE = {"video": Shape((4, 6))}
PREDICTED = {"output": {"video": Shape((3, 8))}, "embedding": {"video": Shape((3, 6))}, "hidden": {"hidden": Shape((3,))}}

EXAMPLES = [
    Example("backbone", "{use: pemt, depth: 1, heads: 2, sharing: none, fusion: late}", STREAMS),
    Example("backbone", "{use: pemt, depth: 1, heads: 4, sharing: layers_modalities, fusion: early, attention: dense}", STREAMS),
    Example("backbone", "{use: pemt, depth: 2, heads: 2, sharing: low_rank, rank: 8}", STREAMS),
    Example("head", "{use: video_resnet, width: 8, blocks: [1, 1], frames: [3, 1, 3]}", {"video": Shape((3, 2, 16, 16))}),
    Example("head", "{use: audio_resnet, width: 8, blocks: [1, 1], split: 1}", {"audio": Shape((16, 12))}),
    Example("head", "{use: cut, axis: 1, pieces: 4}", {"audio": Shape((6, 12))}),
    Example("head", "{use: mask_pieces, rate: 0.5}", SEQUENCE),
    Example("tokenizer", "{use: piece_tokens, width: 8}", SEQUENCE),
    Example("readout", "summary_readout", STREAMS),
    Example("readout", "piece_readout", STREAMS),
    Example("readout", "pair_readout", STREAMS),
    Example("objective", "masked_prediction", PREDICTED),
    Example("batch_transform", "{use: mismatch, exchange: audio, against: video}", {"audio": Shape((6,)), "video": Shape((3, 2))}),
]
