"""Peak signal-to-noise ratio over an evaluation set.

Source: the usual definition; the highest figure that a sample can have is *ours*. Axes: B samples, ... numbers of an array.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from antifaz.core.streams import only
from antifaz.core.tokens import Features

from .error import numbers_there

HIGHEST = 100.0
"""dB of a sample that is nearer to its target than this: that of a perfect one has no end, and would decide the mean."""
SAMPLES_AT_ONCE = 64
"""Samples that are compared together, in float64."""


class PeakSignalToNoise:
    """The mean over samples of 10 log10(range^2 / mean squared error), dB, and `_samples`: on how many; named after the prediction.

    A sample counts where both sides are there, and 100 dB at most. Without any there are no figures; what is not a number makes the
    mean none.

    Args:
        value_range: from the least to the greatest value that data can have.
    """

    def __init__(self, value_range: float) -> None:
        self.value_range = value_range

    def __call__(self, prediction: Mapping[str, Features], target: Mapping[str, Features]) -> dict[str, float]:
        if not prediction or not target:
            return {}
        ((name, predicted),) = prediction.items()
        ratios_B = signal_to_noise(predicted, only(target), self.value_range)
        if not len(ratios_B):
            return {}
        return {name: float(ratios_B.mean()), f"{name}_samples": float(len(ratios_B))}


def signal_to_noise(predicted: Features, wanted: Features, value_range: float) -> Tensor:
    """(samples that are there,) dB, float64."""
    parts = []
    for start in range(0, len(predicted.values), SAMPLES_AT_ONCE):
        left, right = (
            Features(side.values[start : start + SAMPLES_AT_ONCE].double(), side.presence()[start : start + SAMPLES_AT_ONCE])
            for side in (predicted, wanted)
        )
        present = numbers_there(left, right).view(len(left.values), -1)
        squares = torch.where(present, (left.values - right.values).square().view(present.shape), 0.0)
        any_B = present.any(dim=1)
        error_B = squares.sum(dim=1)[any_B] / present.sum(dim=1)[any_B]
        parts.append((10 * torch.log10(value_range**2 / error_B)).clamp(max=HIGHEST))
    return torch.cat(parts) if parts else torch.empty(0, dtype=torch.float64)
