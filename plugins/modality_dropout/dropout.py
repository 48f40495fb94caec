"""Dropping modalities of samples. Axes: B batch, M modalities."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from antifaz.core.tokens import Features


class DropModalities:
    """Zero-fills and marks absent; where a sample would lose all, it keeps a random one of those it had.

    Args:
        probability: chance by modality. Draws from torch's global generator.
    """

    def __init__(self, probability: Mapping[str, float]) -> None:
        self.probability = probability

    def __call__(self, batch: Mapping[str, Features]) -> dict[str, Features]:
        names = list(self.probability)
        had_BM = torch.stack([batch[name].in_samples() for name in names], dim=1)
        draw_BM = torch.rand(had_BM.shape)
        keep_BM = had_BM & (draw_BM >= torch.tensor([self.probability[name] for name in names]))
        lost_B = ~keep_BM.any(dim=1) & had_BM.any(dim=1)
        spared_B = torch.where(had_BM, torch.rand(had_BM.shape), -1.0).argmax(dim=1)
        keep_BM[lost_B, spared_B[lost_B]] = True
        entries = dict(batch)
        for name, keep_B in zip(names, keep_BM.unbind(dim=1), strict=True):
            entry = batch[name]
            if not keep_B.all():
                values = torch.where(_beside(keep_B, entry.values), entry.values, torch.zeros_like(entry.values))
                valid = keep_B if entry.valid is None else entry.valid & _beside(keep_B, entry.valid)
                entries[name] = Features(values, valid)
        return entries


def _beside(marks_B: Tensor, values: Tensor) -> Tensor:
    """(B,) -> (B, 1, ...), with as many axes as the values."""
    return marks_B.view(-1, *(1 for _ in values.shape[1:]))
