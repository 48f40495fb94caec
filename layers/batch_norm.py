"""Batch normalisation by presence, over all processes, on any device.

Source: Ioffe & Szegedy 2015; counting only valid samples is *ours* (torch's SyncBatchNorm counts all, and refuses the CPU).
Axes: B batch, W width.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.collectives import sum_with_gradients, world_size
from antifaz.core.objectives import at_least_float32, no_autocast, zero_invalid


class MaskedBatchNorm(nn.Module):
    """(B, W, ...) -> the same. In training, by mean and variance of the valid samples of all processes; else by running averages.

    Statistics are taken in at least float32. A batch without a valid sample leaves the running averages as they are. Every
    process must call it, and go backward, equally often.

    Args:
        width: W.
        eps: added to the variance.
        momentum: weight of a batch in the running averages.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, values_BW: Tensor, valid_B: Tensor | None) -> Tensor:
        """valid_B: which samples there are, None for all; what the others hold has no influence: in training they become the bias.

        Axes after W are places, as of a picture: each counts.
        """
        if valid_B is None:
            if world_size() == 1 and values_BW.numel() > values_BW.shape[1]:  # torch refuses a single number
                return self._by_torch(values_BW)
            valid_B = torch.ones(len(values_BW), dtype=torch.bool, device=values_BW.device)
        if values_BW.dim() > 2:
            places = values_BW.movedim(1, -1)
            rows_NW = places.flatten(0, -2)
            result_NW = self(rows_NW, valid_B.repeat_interleave(len(rows_NW) // len(valid_B), output_size=len(rows_NW)))
            return cast(Tensor, result_NW).view(places.shape).movedim(-1, 1)
        with no_autocast(values_BW):
            x_BW = zero_invalid(at_least_float32(values_BW), valid_B)
            if self.training:
                centred_BW, variance_W = self._of_batch(x_BW, valid_B)
            else:
                centred_BW, variance_W = x_BW - self.mean, self.variance
            result = centred_BW * torch.rsqrt(variance_W + self.eps) * self.weight + self.bias
        return result.to(values_BW.dtype)

    def _by_torch(self, values_BW: Tensor) -> Tensor:
        """The same where all samples are there and no other process is, several times as fast."""
        with no_autocast(values_BW):
            x_BW = at_least_float32(values_BW)
            result = F.batch_norm(x_BW, self.mean, self.variance, self.weight, self.bias, self.training, self.momentum, self.eps)
        return result.to(values_BW.dtype)

    def _of_batch(self, x_BW: Tensor, valid_B: Tensor) -> tuple[Tensor, Tensor]:
        sums = sum_with_gradients(torch.cat((x_BW.sum(dim=0), valid_B.sum()[None].to(x_BW.dtype))))
        valid_count = sums[-1].detach()
        count = valid_count.clamp(min=1)
        mean_W = sums[:-1] / count
        centred_BW = zero_invalid(x_BW - mean_W, valid_B)
        variance_W = sum_with_gradients(centred_BW.square().sum(dim=0)) / count
        with torch.no_grad():
            unbiased_W = variance_W * count / (count - 1).clamp(min=1)
            # In place: a node that shares these weights shares the averages. A single number says nothing of the variance.
            self.mean += torch.where(valid_count > 0, self.momentum * (mean_W - self.mean), 0.0)
            self.variance += torch.where(valid_count > 1, self.momentum * (unbiased_W - self.variance), 0.0)
        return centred_BW, variance_W
