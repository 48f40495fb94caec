"""One time span for all modalities of a sample."""

from __future__ import annotations

from typing import Literal

import attrs

from antifaz.registry import SpecError, option, positive

ROOM = 0.1
"""Seconds by which a file must be longer than a clip for the clip to have different places in it."""


@attrs.frozen(kw_only=True)
class Clip:
    """The part of a file that is a sample."""

    seconds: float = option(validator=positive, doc="length of the clip")
    sampling: Literal["random", "center", "start"] = option(
        default="random", doc="where it begins; random in training only, centre in evaluation"
    )
    views: int = option(
        default=1, validator=positive, doc="clips of a file in evaluation, evenly spread; their answers are averaged"
    )

    def __attrs_post_init__(self) -> None:
        if self.views > 1 and self.sampling == "start":
            raise SpecError("several clips cannot all begin at the start", field="views", hint="leave `sampling` out")

    def is_longer(self, duration: float) -> bool:
        """Return True if a file has room for more than one place of the clip; a few padded sound samples are no room."""
        return duration > self.seconds + ROOM

    def is_shorter(self, duration: float) -> bool:
        """Return True if a file ends before the clip; a photo, of one frame, does not end."""
        return ROOM < duration < self.seconds - ROOM

    def start(self, duration: float, draw: float, training: bool, view: int = 0) -> float:
        """Return the second at which the clip of a file begins.

        draw: a number in [0, 1), used where the place is random. view: which of the clips of an evaluation; the first begins where
        the file does, the last ends where it ends, and a single one is in the middle.
        """
        if self.sampling == "start" or not self.is_longer(duration):
            return 0.0
        place = 0.5 if self.views == 1 or training else view / (self.views - 1)
        return (duration - self.seconds) * (draw if training and self.sampling == "random" else place)
