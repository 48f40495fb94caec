"""The error of an array, over all of its numbers or some of them. Axes: B batch; numbers have the axes of the array."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from antifaz.core.objectives import Loss, Objective, Term, at_least_float32, no_autocast
from antifaz.core.streams import only
from antifaz.core.tokens import Features

ERRORS: Mapping[str, Callable[[Tensor], Tensor]] = {"absolute": torch.abs, "squared": torch.square}


class ReconstructionLoss(Objective):
    """The mean error over all numbers of the samples of which both sides are there. At least float32.

    Args:
        error: `absolute` or `squared`.
    """

    def __init__(self, error: str) -> None:
        super().__init__()
        self.error = ERRORS[error]

    def forward(self, prediction: Mapping[str, Features], target: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        return mean_error(only(prediction), only(target), numbers_there(only(prediction), only(target)), self.error)


def mean_error(predicted: Features, wanted: Features, counts: Tensor, error: Callable[[Tensor], Tensor]) -> Loss:
    """The sum of the errors, and the number of numbers that it is over.

    counts: (B, ...) bool, which numbers are compared; what others hold, NaN too, reaches neither the sum nor a gradient.
    """
    with no_autocast(predicted.values):
        left, right = (torch.where(counts, at_least_float32(side.values), 0.0) for side in (predicted, wanted))
        errors = error(left - right)
        return Loss({"error": Term(errors.sum(), counts.sum().to(errors.dtype))})


def numbers_there(*arrays: Features) -> Tensor:
    """(B, ...) bool of the arrays' shape: the numbers of samples, or of parts of samples, that every one of them has."""
    present = torch.ones_like(arrays[0].values, dtype=torch.bool)
    for array in arrays:
        presence = array.presence()
        present = present & presence.view(*presence.shape, *(1 for _ in array.values.shape[presence.dim() :]))
    return present
