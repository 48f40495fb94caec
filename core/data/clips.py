"""One time span for all modalities of a sample."""

from __future__ import annotations

from typing import Literal

import attrs

from antifaz.registry import option, positive


@attrs.frozen(kw_only=True)
class Clip:
    """Which part of a file is a sample."""

    seconds: float = option(validator=positive, doc="length of the clip")
    sampling: Literal["random", "center", "start"] = option(
        default="random", doc="where it begins; random in training only, centre in evaluation"
    )

    def start(self, duration: float, draw: float, training: bool) -> float:
        """Seconds at which the clip of a file begins. draw: a number in [0, 1), used where the place is random."""
        spare = max(0.0, duration - self.seconds)
        if self.sampling == "start":
            return 0.0
        return spare * (draw if training and self.sampling == "random" else 0.5)
