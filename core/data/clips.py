"""One time span for all modalities of a sample."""

from __future__ import annotations

from typing import Literal

import attrs

from antifaz.registry import option, positive

ROOM = 0.1
"""Seconds by which a file must be longer than a clip for the clip to have different places in it."""


@attrs.frozen(kw_only=True)
class Clip:
    """Which part of a file is a sample."""

    seconds: float = option(validator=positive, doc="length of the clip")
    sampling: Literal["random", "center", "start"] = option(
        default="random", doc="where it begins; random in training only, centre in evaluation"
    )

    def is_longer(self, duration: float) -> bool:
        """Whether a file has room for more than one place of the clip; a few padded sound samples are no room."""
        return duration > self.seconds + ROOM

    def start(self, duration: float, draw: float, training: bool) -> float:
        """Seconds at which the clip of a file begins. draw: a number in [0, 1), used where the place is random."""
        if self.sampling == "start" or not self.is_longer(duration):
            return 0.0
        return (duration - self.seconds) * (draw if training and self.sampling == "random" else 0.5)
