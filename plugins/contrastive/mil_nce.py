"""Contrast with several possible partners: NCE and MIL-NCE in one sum over both directions, over the global batch and by presence.

Source: Miech et al. 2020, equation 1 (MIL-NCE); Akbari et al. 2021, equations 3 and 4 (the same with one partner: NCE).
Axes: B local batch, G global batch, C candidates, W width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from antifaz.core import collectives
from antifaz.core.objectives import Loss, Objective, Term, at_least_float32, masked_sum, no_autocast
from antifaz.core.streams import only
from antifaz.core.tokens import Features


class MultipleInstanceNCE(Objective):
    """Mean over the samples that have an anchor and a candidate of -log(P / (P + N)).

    P sums exp(similarity / temperature) over the sample's own candidates, N over every other pairing with it: its anchor with the
    others' candidates, and the others' anchors with its candidates. What is absent has no part, and samples that lack a side are no
    partners of others either. Shapes never depend on the data. Computed in at least float32.

    Args:
        temperature: divides the cosine similarities.
        positives_twice: whether P stands twice in the denominator, once for each direction.
    """

    def __init__(self, temperature: float, *, positives_twice: bool = False) -> None:
        super().__init__()
        self.temperature, self.positives_twice = temperature, positives_twice

    def forward(self, anchor: Mapping[str, Features], candidates: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        one, several = only(anchor), only(candidates)
        with no_autocast(one.values):
            return self._loss(one, several)

    def _loss(self, anchor: Features, candidates: Features) -> Loss:
        values_BCW = candidates.values if candidates.values.dim() == 3 else candidates.values[:, None]
        there_BC = _each(candidates.presence(), values_BCW.shape[1]) & anchor.presence()[:, None]
        valid_B = there_BC.any(dim=1)
        anchor_BW, values_BCW = _unit(anchor.values, valid_B), _unit(values_BCW, there_BC)
        valid_G, there_GC = collectives.gather(valid_B), collectives.gather(there_BC)
        # One call for both sides: every process goes backward through its result.
        joined_GCW = collectives.gather(torch.cat((anchor_BW[:, None], values_BCW), dim=1))
        anchor_GW, values_GCW = joined_GCW[:, 0], joined_GCW[:, 1:]

        to_candidates_BGC = torch.einsum("bw,gcw->bgc", anchor_BW, values_GCW) / self.temperature
        to_anchors_BGC = torch.einsum("gw,bcw->bgc", anchor_GW, values_BCW) / self.temperature
        place_B = torch.arange(len(valid_B), device=valid_B.device) + collectives.rank() * len(valid_B)
        own_BG = place_B[:, None] == torch.arange(len(valid_G), device=valid_G.device)[None]

        # A row without anything sees everything, so that it stays finite, and masked_sum leaves it out.
        nothing_B = ~valid_B[:, None, None]
        positive_BGC = (own_BG[:, :, None] & there_GC[None]) | nothing_B
        known_BGC = there_GC[None] | nothing_B
        others_BGC = (valid_G[None, :, None] & there_BC[:, None]) | nothing_B
        if not self.positives_twice:
            others_BGC = others_BGC & (~own_BG[:, :, None] | nothing_B)
        numerator_B = _log_sum(to_candidates_BGC, positive_BGC)
        denominator_B = torch.logaddexp(_log_sum(to_candidates_BGC, known_BGC), _log_sum_or_none(to_anchors_BGC, others_BGC))
        count = valid_B.sum().to(numerator_B.dtype)
        found_B = to_candidates_BGC.detach().masked_fill(~known_BGC, -math.inf).amax(dim=2).argmax(dim=1) == place_B
        hits = Term(masked_sum(found_B.to(numerator_B.dtype), valid_B), count)
        return Loss({"samples": Term(masked_sum(denominator_B - numerator_B, valid_B), count)}, {"accuracy": hits})


def _each(valid: Tensor, candidates: int) -> Tensor:
    """(B,) or (B, C) presence -> (B, C)."""
    return valid[:, None].expand(-1, candidates) if valid.dim() == 1 else valid


def _unit(values: Tensor, valid: Tensor) -> Tensor:
    """(..., W) unit vectors in at least float32; zeros where not there, whatever stood in their place."""
    return F.normalize(torch.where(valid[..., None], at_least_float32(values), 0.0), dim=-1)


def _log_sum(scores_BGC: Tensor, part_BGC: Tensor) -> Tensor:
    """(B,) logarithm of the sum of the exponentials of a part of each row that is not empty."""
    return scores_BGC.masked_fill(~part_BGC, -math.inf).flatten(1).logsumexp(dim=1)


def _log_sum_or_none(scores_BGC: Tensor, part_BGC: Tensor) -> Tensor:
    """The same, -inf where the part is empty: a batch of one has no others. Its gradient there is zero, not NaN."""
    some_B = part_BGC.flatten(1).any(dim=1)
    kept = part_BGC | ~some_B[:, None, None]
    return torch.where(some_B, _log_sum(scores_BGC, kept), -math.inf)
