"""Lion: steps by the sign of an averaged gradient.

Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.
"""

from __future__ import annotations

from typing import ClassVar

import attrs
from antifaz.registry import at_least, component, option, positive, zero_to_below_one


@component("optimizer", "lion")
@attrs.frozen(kw_only=True)
class Lion:
    """Lion: every weight moves by the learning rate, in the direction of an average of its gradients."""

    moments: ClassVar[int] = 1
    lr: float = option(validator=positive, doc="peak learning rate, a third of AdamW's or less")
    weight_decay: float = option(default=0.1, validator=at_least(0), doc="for matrices")
    betas: tuple[float, float] = option(default=(0.9, 0.99), validator=zero_to_below_one, doc="of the step, of the average")

    def build(self, groups):
        from .optimizer_module import LionOptimizer

        return LionOptimizer(groups, self.lr, self.betas)
