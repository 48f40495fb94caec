"""Mixup of whole batches.  Source: Zhang et al. 2018."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from antifaz.core.tokens import Features


class BatchMixup:
    """share * sample + (1 - share) * another sample of the batch, one share for each batch.

    A mixed entry is present only where both of its parts are. Draws from torch's global generator.
    """

    def __init__(self, alpha: float, probability: float, target: str, classes: int) -> None:
        self.alpha, self.probability, self.target, self.classes = alpha, probability, target, classes

    def __call__(self, batch: Mapping[str, Features]) -> dict[str, Features]:
        entries = dict(batch)
        label = entries[self.target]
        if not label.values.is_floating_point():
            entries[self.target] = Features(F.one_hot(label.values, self.classes).float(), label.valid)
        if torch.rand(()) >= self.probability:
            return entries
        share = float(torch.distributions.Beta(self.alpha, self.alpha).sample())
        order = torch.randperm(len(label.values))
        return {name: _mixed(entry, order, share) for name, entry in entries.items()}


def _mixed(entry: Features, order: Tensor, share: float) -> Features:
    if not entry.values.is_floating_point():
        return entry
    valid = None if entry.valid is None else entry.valid & entry.valid[order]
    values = share * entry.values + (1 - share) * entry.values[order]
    if valid is not None:
        values = torch.where(valid.view(-1, *(1 for _ in values.shape[1:])), values, 0.0)
    return Features(values, valid)
