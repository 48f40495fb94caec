"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape

EXAMPLES = [
    Example(
        "batch_transform",
        "{use: modality_dropout, probability: {audio: 0.5, video: 0.5}}",
        {"audio": Shape((8, 12)), "video": Shape((3, 2, 8, 8)), "label": Shape((), "int64", ("one", "two"))},
    ),
]
