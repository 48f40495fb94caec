"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape

MASKED = {"clip": Shape((3, 4, 6)), "image": Shape((6, 3)), "label": Shape((), "int64", ("one", "two"))}
PAIR = {"prediction": {"it": Shape((6, 3))}, "target": {"it": Shape((6, 3))}}

EXAMPLES = [
    Example("batch_transform", "{use: mask_points, blocks: {clip: [3, 2, 2], image: [2, 3]}, ratio: 0.6}", MASKED),
    Example("objective", "masked_error", PAIR | {"mask": {"it": Shape((6, 3), "bool")}}),
    Example("objective", "reconstruction", PAIR),
    Example("objective", "{use: reconstruction, error: absolute}", PAIR),
    Example("metric", "psnr", PAIR),
    Example("metric", "{use: psnr, range: 1}", {"prediction": {"it": Shape(())}, "target": {"it": Shape(())}}),
]
