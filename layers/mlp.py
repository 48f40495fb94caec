"""Multi-layer perceptrons and stochastic depth.

Axes: B batch, N tokens, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """Linear, GELU, Linear, with dropout after each.  (B, N, W) -> (B, N, W)."""

    def __init__(self, width: int, hidden: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.activation = nn.GELU()
        self.down = nn.Linear(hidden, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x_BNW: Tensor) -> Tensor:
        hidden: Tensor = self.drop(self.activation(self.up(x_BNW)))
        result: Tensor = self.drop(self.down(hidden))
        return result


class DropPath(nn.Module):
    """Drops a residual branch for whole samples in training, and scales what is kept (stochastic depth)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0.0:
            return x
        shape = (x.shape[0], *(1 for _ in range(x.dim() - 1)))
        kept = torch.rand(shape, device=x.device) >= self.probability
        return x * kept.to(x.dtype) / (1 - self.probability)


def drop_path_rates(last: float, depth: int) -> list[float]:
    """Return a drop rate for each of `depth` blocks: linear from zero in the first to `last` in the last (Huang et al. 2016)."""
    return [last * i / max(1, depth - 1) for i in range(depth)]
