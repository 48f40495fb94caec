"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example

CLIPS = (
    "samples: 2, root: $FOLDER, clip: {seconds: 2.0}, "
    "modalities: {video: {use: frames, fps: 4, size: 16, augment: [flip]}, audio: {use: log_mel, bins: 8, hop: 0.125}}"
)
PARTS = f"a: {{use: shapes_and_sounds, split: paired, {CLIPS}}}, b: {{use: shapes_and_sounds, split: train, {CLIPS}}}"

EXAMPLES = [
    Example("dataset", f"{{use: mixture, parts: {{{PARTS}}}, repeat: {{b: 2}}}}"),
]
