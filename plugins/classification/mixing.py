"""Mixup of whole batches.

Source: Zhang et al. 2018. One share for each batch as in their code; presence of what is mixed is *ours*.
Axes: B batch, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from antifaz.core.objectives import zero_invalid
from antifaz.core.tokens import Features


class BatchMixup:
    """share * sample + (1 - share) * another sample of the batch.

    A mixed entry is present only where both of its parts are. Draws from torch's global generator. Class numbers (B,) become
    shares (B, C) float32 in every batch, mixed or not.

    Args:
        alpha: of the Beta(alpha, alpha) from which the share is drawn.
        probability: of mixing a batch at all.
        target: the entry with the target.
        classes: C.
        keep: entries that are left alone.
    """

    def __init__(self, alpha: float, probability: float, target: str, classes: int, keep: tuple[str, ...] = ()) -> None:
        self.alpha, self.probability, self.target, self.classes, self.keep = alpha, probability, target, classes, keep

    def __call__(self, batch: Mapping[str, Features]) -> dict[str, Features]:
        entries = dict(batch)
        if not entries[self.target].values.is_floating_point():
            entries[self.target] = _shares(entries[self.target], self.classes)
        if torch.rand(()) >= self.probability:
            return entries
        share = float(torch.distributions.Beta(self.alpha, self.alpha).sample())
        order_B = torch.randperm(len(entries[self.target].values))
        return {name: entry if name in self.keep else _mixed(entry, order_B, share) for name, entry in entries.items()}


def _shares(label: Features, classes: int) -> Features:
    """Class numbers (B,) -> (B, C); zeros where absent. Refuses a class beyond C (an index error)."""
    present_B = label.presence()
    shares_BC = torch.zeros(len(label.values), classes).scatter_(1, zero_invalid(label.values, present_B)[:, None].long(), 1.0)
    return Features(zero_invalid(shares_BC, present_B), label.valid)


def _mixed(entry: Features, order_B: Tensor, share: float) -> Features:
    values = share * entry.values + (1 - share) * entry.values[order_B]
    if entry.valid is None:
        return Features(values)
    valid_B = entry.valid & entry.valid[order_B]
    return Features(zero_invalid(values, valid_B), valid_B)
