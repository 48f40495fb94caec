"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example

EXAMPLES = [
    Example("optimizer", "{use: adamw, lr: 0.01}"),
    Example("optimizer", "{use: sgd, lr: 0.01, momentum: 0.5, weight_decay: 0.0}"),
]
