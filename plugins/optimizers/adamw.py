"""AdamW.

Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization"; torch.optim.AdamW.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from antifaz.registry import at_least, component, option, positive, zero_to_below_one

from .moved import MOVED

if TYPE_CHECKING:
    import torch


@component("optimizer", "adamw", moved=MOVED)
@attrs.frozen(kw_only=True)
class AdamW:
    """AdamW: steps scaled by running moments of the gradient, with the weights decayed beside them."""

    moments: ClassVar[int] = 2
    lr: float = option(validator=positive, doc="peak learning rate")
    weight_decay: float = option(default=0.05, validator=at_least(0), doc="for matrices; vectors are not decayed")
    betas: tuple[float, float] = option(default=(0.9, 0.999), validator=zero_to_below_one, doc="decay of both moments")
    eps: float = option(default=1e-8, validator=positive, doc="added to the denominator")

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.AdamW:
        """Build torch's AdamW over these groups of parameters."""
        import torch

        return torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps)
