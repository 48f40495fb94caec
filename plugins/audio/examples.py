"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Shape

EXAMPLES = [
    Example("decoder", "{use: log_mel, bins: 16, hop: 0.0625, augment: spec_augment}"),
    Example("decoder", "{use: waveform, sample_rate: 8000}"),
    Example("transform", "{use: spec_augment, time_width: 4, frequency_width: 4}", {"spectrogram": Shape((1, 16, 20))}),
    Example("tokenizer", "{use: spectrogram_patches, patch: [4, 4], width: 16}", {"audio": Shape((8, 12))}),
    Example("tokenizer", "{use: spectrogram_patches, patch: [4, 4], width: 16, positions: none}", {"audio": Shape((8, 12))}),
    Example("tokenizer", "{use: waveform_patches, patch: 8, width: 16}", {"audio": Shape((48,))}),
]
