"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example

MODALITIES = "{video: {use: frames, fps: 4, size: 16, augment: [flip]}, audio: {use: log_mel, bins: 8, hop: 0.125}}"
CLIPS = f"clip: {{seconds: 2.0}}, modalities: {MODALITIES}, root: $FOLDER"

EXAMPLES = [
    Example("dataset", f"{{use: shapes_and_sounds, split: train, samples: 4, {CLIPS}}}"),
    Example("dataset", f"{{use: shapes_and_sounds, split: paired, samples: 4, cache: true, {CLIPS}}}"),
    Example(
        "dataset",
        "{use: shapes_and_sounds, split: train, samples: 4, clip: {seconds: 2.0}, root: $FOLDER, "
        "modalities: {audio: {use: log_mel, bins: 8, hop: 0.125}, text: {use: bytes, length: 16, draw_from: 3}}}",
    ),
]
