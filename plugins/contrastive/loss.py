"""Symmetric InfoNCE over the global batch, by presence.

Source: van den Oord et al. 2018, equation 4, in both directions. Axes: B local batch, G global batch, W width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core import distributed
from antifaz.core.objectives import Loss, Objective, Term, masked_sum, only
from antifaz.core.tokens import Features

MAX_SCALE = 100.0


class SymmetricInfoNCE(Objective):
    """Mean over valid pairs of the two directions' cross-entropies.

    A pair counts, as a positive and as a negative, where both sides are valid. Shapes never depend on the data: invalid rows get
    no weight and invalid columns no share, so their gradients are exactly zero.

    Args:
        temperature: divides the cosine similarities.
        learned: whether its inverse is a parameter (kept at most 100).
        stop_gradient: `left` or `right`: the side that does not learn from this term.
    """

    def __init__(self, temperature: float, *, learned: bool = False, stop_gradient: str = "none") -> None:
        super().__init__()
        scale = torch.tensor(math.log(1 / temperature))
        if learned:
            self.log_scale = nn.Parameter(scale)
        else:
            self.register_buffer("log_scale", scale, persistent=False)
        self.stop_gradient = stop_gradient

    def forward(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        with torch.autocast(device_type=only(left).values.device.type, enabled=False):
            return self._loss(only(left), only(right))

    def _loss(self, left: Features, right: Features) -> Loss:
        left_BW, right_BW = (_unit(side.values) for side in (left, right))
        if self.stop_gradient == "left":
            left_BW = left_BW.detach()
        elif self.stop_gradient == "right":
            right_BW = right_BW.detach()
        valid_B = left.presence() & right.presence()
        valid_G = distributed.gather(valid_B)
        scale = self.log_scale.exp().clamp(max=MAX_SCALE).to(left_BW.dtype)
        target_B = torch.arange(len(valid_B), device=valid_B.device) + distributed.rank() * len(valid_B)
        forward_BG = scale * left_BW @ distributed.gather(right_BW).T
        backward_BG = scale * right_BW @ distributed.gather(left_BW).T
        losses = [_cross_entropy(scores, target_B, valid_B, valid_G) for scores in (forward_BG, backward_BG)]
        count = valid_B.sum().to(left_BW.dtype)
        return Loss({"pairs": Term((losses[0] + losses[1]) / 2, count)}, self._logs(forward_BG, target_B, valid_B, valid_G, scale))

    @torch.no_grad()
    def _logs(self, scores_BG: Tensor, target_B: Tensor, valid_B: Tensor, valid_G: Tensor, scale: Tensor) -> dict[str, Tensor]:
        best_B = scores_BG.masked_fill(~valid_G[None], -math.inf).argmax(dim=1)
        hits = ((best_B == target_B) & valid_B).sum() / valid_B.sum().clamp(min=1)
        return {"batch_accuracy": hits, "temperature": 1 / scale.detach()}


def _unit(values_BW: Tensor) -> Tensor:
    """Unit vectors in at least float32; a zero vector stays zero."""
    wide = values_BW if values_BW.dtype == torch.float64 else values_BW.float()
    return F.normalize(wide, dim=-1)


def _cross_entropy(scores_BG: Tensor, target_B: Tensor, valid_B: Tensor, valid_G: Tensor) -> Tensor:
    """Sum over valid rows. An invalid row may have no valid column at all, so it sees every column and is then left out."""
    columns_BG = valid_G[None] | ~valid_B[:, None]
    losses_B = F.cross_entropy(scores_BG.masked_fill(~columns_BG, -math.inf), target_B, reduction="none")
    return masked_sum(losses_B, valid_B)
