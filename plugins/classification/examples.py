"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape

CLASSES = ("one", "two", "three")
FEATURES = {"audio": Shape((16,)), "video": Shape((12,))}
LOGITS = {"audio": Shape((3,)), "video": Shape((3,))}
NUMBER = {"logits": LOGITS, "target": {"label": Shape((), "int64", CLASSES)}}
MANY = {"logits": LOGITS, "target": {"label": Shape((3,), "float32", CLASSES)}}

EXAMPLES = [
    Example("head", "{use: linear_heads, classes: 3}", FEATURES),
    Example("head", "{use: linear_heads, classes: 3, dropout: 0.2}", {"audio": Shape((16,))}),
    Example("objective", "cross_entropy", NUMBER),
    Example("objective", "{use: cross_entropy, label_smoothing: 0.1, heads: [audio]}", NUMBER),
    Example(
        "objective", "cross_entropy", {"logits": {"text": Shape((5, 3))}, "target": {"hidden": Shape((5,), "int64", vocab_size=3)}}
    ),
    Example("objective", "binary_cross_entropy", MANY),
    Example("metric", "{use: accuracy, ensembles: {late: [audio, video]}}", NUMBER),
    Example("metric", "mean_average_precision", MANY),
    Example("batch_transform", "mixup", {"audio": Shape((8, 12)), "label": Shape((), "int64", CLASSES)}),
]
