"""Blocks of the input blanked at random, and the error there. *Ours*; see spec.py.

Axes: B batch, N blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from antifaz.core.objectives import Loss, Objective
from antifaz.core.streams import only
from antifaz.core.tokens import Features
from antifaz.layers.patches import Patches, from_points

from ..error import mean_error, numbers_there


class MaskBlocks:
    """Sets round(ratio * N) random blocks of each sample to zero. Draws from torch's global generator.

    Args:
        entries: name -> how it is cut into blocks.
        ratio: share of the blocks.
    """

    def __init__(self, entries: Mapping[str, Patches], ratio: float) -> None:
        self.entries, self.ratio = entries, ratio

    def __call__(self, batch: Mapping[str, Features]) -> dict[str, Features]:
        transformed = dict(batch)
        for name, patches in self.entries.items():
            entry = batch[name]
            order_BN = torch.rand(entry.values.shape[0], patches.count).argsort(dim=1)
            masked_BN = order_BN < round(self.ratio * patches.count)
            mask = from_points(masked_BN[..., None].expand(-1, -1, patches.channels), patches)
            transformed[name] = Features(entry.values.masked_fill(mask, 0.0), entry.valid)
            transformed[f"{name}_target"] = entry
            transformed[f"{name}_mask"] = Features(mask, entry.valid)
        return transformed


class MaskedErrorLoss(Objective):
    """The mean, over all masked numbers of the samples that are there, of the squared difference. At least float32."""

    def forward(  # type: ignore[override]
        self, prediction: Mapping[str, Features], target: Mapping[str, Features], mask: Mapping[str, Features]
    ) -> Loss:
        predicted, wanted, masked = only(prediction), only(target), only(mask)
        return mean_error(predicted, wanted, masked.values & numbers_there(predicted, wanted, masked), torch.square)
