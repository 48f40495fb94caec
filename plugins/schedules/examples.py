"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example

EXAMPLES = [
    Example("schedule", "{use: cosine, warmup: 3, min_lr_ratio: 0.1}"),
    Example("schedule", "cosine"),
    Example("schedule", "{use: quarter_cosine, warmup: 3}"),
    Example("schedule", "{use: constant, warmup: 3}"),
]
