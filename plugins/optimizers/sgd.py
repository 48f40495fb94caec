"""Stochastic gradient descent with momentum, as torch.optim.SGD has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from antifaz.registry import at_least, component, option, positive, zero_to_below_one

from .moved import MOVED

if TYPE_CHECKING:
    import torch


@component("optimizer", "sgd", moved=MOVED)
@attrs.frozen(kw_only=True)
class SGD:
    """SGD with momentum; weights are decayed through their gradient."""

    moments: ClassVar[int] = 1
    lr: float = option(validator=positive, doc="peak learning rate")
    momentum: float = option(default=0.9, validator=zero_to_below_one, doc="weight of earlier gradients")
    weight_decay: float = option(default=0.05, validator=at_least(0), doc="for matrices; vectors are not decayed")

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.SGD:
        """Build torch's SGD over these groups of parameters."""
        import torch

        return torch.optim.SGD(groups, lr=self.lr, momentum=self.momentum)
