"""The first quarter of a cosine, which falls slowly at first and fastest at the end.

Source: Akbari et al. 2021, "VATT", whose pre-training uses it.
"""

from __future__ import annotations

import math

import attrs

from antifaz.registry import at_least, between, component, option

from .warmup import progress, warming_rate


@component("schedule", "quarter_cosine")
@attrs.frozen(kw_only=True)
class QuarterCosine:
    """A linear warm-up, then the steepening first quarter of a cosine down to a share of the peak."""

    warmup: int = option(default=0, validator=at_least(0), doc="steps of linear warm-up")
    min_lr_ratio: float = option(default=0.0, validator=between(0, 1), doc="share of the peak that is left at the end")

    def rate(self, step: int, steps: int, peak: float) -> float:
        """Return the learning rate of step 0..steps-1."""
        if step < self.warmup:
            return warming_rate(step, self.warmup, peak)
        share = math.cos(math.pi / 2 * progress(step, steps, self.warmup))
        return peak * (self.min_lr_ratio + (1 - self.min_lr_ratio) * share)
