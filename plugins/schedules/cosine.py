"""Half a period of a cosine.

Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", without the restarts.
"""

from __future__ import annotations

import math

import attrs

from antifaz.registry import at_least, between, component, option

from .warmup import progress, warming_rate


@component("schedule", "cosine")
@attrs.frozen(kw_only=True)
class Cosine:
    """A linear warm-up, then half a period of a cosine down to a share of the peak."""

    warmup: int = option(default=0, validator=at_least(0), doc="steps of linear warm-up")
    min_lr_ratio: float = option(default=0.0, validator=between(0, 1), doc="share of the peak that is left at the end")

    def rate(self, step: int, steps: int, peak: float) -> float:
        """Return the learning rate of step 0..steps-1."""
        if step < self.warmup:
            return warming_rate(step, self.warmup, peak)
        share = 0.5 * (1 + math.cos(math.pi * progress(step, steps, self.warmup)))
        return peak * (self.min_lr_ratio + (1 - self.min_lr_ratio) * share)
