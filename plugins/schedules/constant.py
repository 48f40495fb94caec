"""The same learning rate throughout."""

from __future__ import annotations

import attrs

from antifaz.registry import at_least, component, option

from .warmup import warming_rate


@component("schedule", "constant")
@attrs.frozen(kw_only=True)
class Constant:
    """A linear warm-up, then the peak for as long as the stage lasts."""

    warmup: int = option(default=0, validator=at_least(0), doc="steps of linear warm-up")

    def rate(self, step: int, steps: int, peak: float) -> float:
        """Return the learning rate of step 0..steps-1."""
        return warming_rate(step, self.warmup, peak) if step < self.warmup else peak
