"""Symmetric InfoNCE over the global batch, by presence.

Source: van den Oord et al. 2018, equation 4, in both directions; Radford et al. 2021 for the learned temperature and its limit.
Axes: B local batch, G global batch, W width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core import collectives
from antifaz.core.objectives import Loss, Objective, Term, at_least_float32, masked_sum, no_autocast, zero_invalid
from antifaz.core.streams import only
from antifaz.core.tokens import Features

from .sizes import MAX_SCALE


class SymmetricInfoNCE(Objective):
    """Mean over valid pairs of the two directions' cross-entropies.

    A pair counts, as a positive and as a negative, where both sides are valid. Shapes never depend on the data: invalid rows get
    no weight and invalid columns no share, so their gradients are exactly zero. Computed in at least float32.

    Args:
        temperature: divides the cosine similarities.
        learned: whether the logarithm of its inverse is a parameter; the inverse is kept at most 100.
        stop_gradient: `left` or `right`: the side that does not learn from this term.
    """

    def __init__(self, temperature: float, *, learned: bool = False, stop_gradient: str = "none") -> None:
        super().__init__()
        self.fixed_scale = 1 / temperature
        # One entry, not none: FSDP2 cannot shard a tensor without axes.
        self.log_scale = nn.Parameter(torch.full((1,), math.log(1 / temperature))) if learned else None
        self.stop_gradient = stop_gradient

    def forward(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        a, b = only(left), only(right)
        with no_autocast(a.values):
            return self._loss(a, b)

    def _loss(self, left: Features, right: Features) -> Loss:
        valid_B = left.presence() & right.presence()
        left_BW, right_BW = _unit(left.values, valid_B), _unit(right.values, valid_B)
        if self.stop_gradient == "left":
            left_BW = left_BW.detach()
        elif self.stop_gradient == "right":
            right_BW = right_BW.detach()
        valid_G = collectives.gather(valid_B)
        left_GW, right_GW = collectives.gather(torch.stack((left_BW, right_BW), dim=1)).unbind(dim=1)
        target_B = torch.arange(len(valid_B), device=valid_B.device) + collectives.rank() * len(valid_B)
        # An invalid row may have no valid column at all: it sees every column, and masked_sum leaves it out.
        hidden_BG = ~valid_G[None] & valid_B[:, None]
        scale = self._scale()
        scores = [
            (scale * rows_BW @ columns_GW.T).masked_fill(hidden_BG, -math.inf)
            for rows_BW, columns_GW in ((left_BW, right_GW), (right_BW, left_GW))
        ]
        losses_B = torch.stack([F.cross_entropy(scores_BG, target_B, reduction="none") for scores_BG in scores]).mean(dim=0)
        count = valid_B.sum().to(left_BW.dtype)
        return Loss({"pairs": Term(masked_sum(losses_B, valid_B), count)}, _logs(scores, target_B, valid_B, scale, count))

    def _scale(self) -> Tensor | float:
        if self.log_scale is None:
            return self.fixed_scale
        if self.training:
            # The parameter itself is held back: a clamp of the result would have no gradient to come back from the limit.
            with torch.no_grad():
                self.log_scale.clamp_(max=math.log(MAX_SCALE))
        return self.log_scale.exp()


def _unit(values_BW: Tensor, valid_B: Tensor) -> Tensor:
    """Unit vectors in at least float32; zeros where not valid."""
    return F.normalize(zero_invalid(at_least_float32(values_BW), valid_B), dim=-1)


@torch.no_grad()
def _logs(scores: list[Tensor], target_B: Tensor, valid_B: Tensor, scale: Tensor | float, count: Tensor) -> dict[str, Term]:
    """Return how often the partner is the most similar one of the global batch, over both directions, and the temperature."""
    hits_B = torch.stack([scores_BG.argmax(dim=1) == target_B for scores_BG in scores]).to(count.dtype).mean(dim=0)
    one = torch.ones_like(count)
    return {"accuracy": Term(masked_sum(hits_B, valid_B), count), "temperature": Term((one / scale).sum(), one)}
