"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from antifaz.core.examples import Example
from antifaz.core.streams import Stream

EXAMPLES = [
    Example("readout", "mean_readout", {"video": Stream("video", 16, (2, 2, 2)), "token": Stream("token", 8, (1,), latent=True)}),
]
