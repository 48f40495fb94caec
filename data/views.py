"""Several views of a sample at test time: clips of a file, crops of a clip. Their answers become one.

Axes: N samples, V views of each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from antifaz.core.interfaces import Averaging
from antifaz.core.tokens import Features


def averaged(value: Features, views: int, averaging: Averaging = "mean") -> Features:
    """Reduce every `views` in a row (N * V, ...) to one: the mean over those present; of whole numbers, such as labels, the first.

    averaging: of the numbers themselves, or of the probabilities that they are the logits of; these come back as logits, so that
    whoever takes a softmax or sigmoid of the result has the mean of the probabilities.
    """
    if views == 1:
        return value
    values = value.values.unflatten(0, (-1, views))
    present = value.presence().unflatten(0, (-1, views))
    valid = present.any(dim=1)
    weights = present.view(*present.shape, *(1 for _ in values.shape[present.dim() :]))
    if not values.is_floating_point():
        first = present.int().argmax(dim=1, keepdim=True).view(*weights.shape[:1], 1, *weights.shape[2:])
        return Features(values.gather(1, first.expand(-1, 1, *values.shape[2:]))[:, 0], valid)
    known = torch.where(weights, values, torch.zeros((), dtype=values.dtype))
    count = weights.sum(dim=1).clamp(min=1)
    if averaging == "mean":
        return Features(known.sum(dim=1) / count, valid)
    return Features(_log_mean(known, weights, count, averaging), valid)


def _log_mean(logits: Tensor, weights: Tensor, count: Tensor, averaging: Averaging) -> Tensor:
    """Return the logits of the mean of probabilities over the second axis."""

    def log_mean(logs: Tensor) -> Tensor:
        return torch.where(weights, logs.double(), -torch.inf).logsumexp(dim=1).nan_to_num(neginf=0.0) - count.log()

    if averaging == "softmax":
        return log_mean(logits.double().log_softmax(dim=-1)).to(logits.dtype)
    positive, negative = torch.nn.functional.logsigmoid(logits.double()), torch.nn.functional.logsigmoid(-logits.double())
    return (log_mean(positive) - log_mean(negative)).to(logits.dtype)
