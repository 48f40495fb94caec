"""Pictures cut into overlapping tiles, and what was computed for each pieced together.

Source: Jaegle et al. 2022, appendix H, and the public evaluation code: a pixel's weight is its distance from the nearer edge of its
tile, the lesser of both axes. Axes: B batch, T tiles, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from antifaz.core.streams import only
from antifaz.core.tokens import Features

Corners = Sequence[tuple[int, int]]


class TileCutter(nn.Module):
    """(B, ..., H, W) -> (B, T, ..., h, w) at these top left corners."""

    def __init__(self, corners: Corners, size: tuple[int, int]) -> None:
        super().__init__()
        self.corners, self.size = corners, size

    def forward(self, features: Mapping[str, Features]) -> Features:
        value = only(features)
        height, width = self.size
        tiles = [value.values[..., y : y + height, x : x + width] for y, x in self.corners]
        return Features(torch.stack(tiles, dim=1), value.valid)


class TileBlender(nn.Module):
    """(B, T, h, w, C) -> (B, H, W, C): the weighted mean of the tiles that cover a pixel."""

    weights: Tensor

    def __init__(self, corners: Corners, size: tuple[int, int], picture: tuple[int, int]) -> None:
        super().__init__()
        self.corners, self.size, self.picture = corners, size, picture
        rows, columns = (torch.minimum(torch.arange(n) + 1, n - torch.arange(n)) for n in size)
        weights = torch.minimum(rows[:, None], columns).to(torch.float32)[..., None]
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, features: Mapping[str, Features]) -> Features:
        """A sample is valid where all of its tiles are."""
        value = only(features)
        height, width = self.size
        whole = value.values.new_zeros(len(value.values), *self.picture, value.values.shape[-1])
        total = whole.new_zeros(*self.picture, 1)
        for i, (y, x) in enumerate(self.corners):
            whole[:, y : y + height, x : x + width] += value.values[:, i] * self.weights
            total[y : y + height, x : x + width] += self.weights
        valid = value.valid
        return Features(whole / total, valid if valid is None or valid.dim() == 1 else valid.flatten(1).all(dim=1))
