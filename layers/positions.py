"""Positions that tokenizers add to their tokens: one table, a table for each axis, or none.

| kind | weights | source |
| --- | --- | --- |
| learned | a vector for each place of the grid | Dosovitskiy et al. 2021 |
| separable | a vector for each index of each axis, summed, then LayerNorm (eps 1e-6) | Akbari et al. 2021, released code |
| separable_plain | the same without LayerNorm | Akbari et al. 2021, section 3.1 |
| none | nothing: the backbone has positions of its own | |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.streams import Positions


class SeparablePositions(nn.Module):
    """A table for each axis of a grid; a place has the sum of its indices' vectors.

    Args:
        grid: sizes of the axes.
        width: of a vector.
        norm: whether LayerNorm follows the sum.
    """

    def __init__(self, grid: Sequence[int], width: int, *, norm: bool) -> None:
        super().__init__()
        self.axes = nn.ParameterList([learned_positions(size, width) for size in grid])
        self.norm = nn.LayerNorm(width, eps=1e-6) if norm else nn.Identity()

    def forward(self) -> Tensor:
        """(*grid, width)"""
        total = torch.zeros((), dtype=self.axes[0].dtype, device=self.axes[0].device)
        for axis, table in enumerate(self.axes):
            later = len(self.axes) - 1 - axis
            total = total + table.view(table.shape[0], *(1,) * later, table.shape[1])
        result: Tensor = self.norm(total)
        return result


def make_positions(kind: Positions, grid: Sequence[int], width: int) -> nn.Parameter | SeparablePositions | None:
    """Return the module or table that a tokenizer keeps as `positions`; None without positions."""
    if kind == "none":
        return None
    if kind == "learned":
        return learned_positions(*grid, width)
    return SeparablePositions(grid, width, norm=kind == "separable")


def with_positions(values: Tensor, positions: Tensor | nn.Module | None) -> Tensor:
    """(B, N, width) tokens of the whole grid, in its order, with their positions added."""
    if positions is None:
        return values
    table = positions if isinstance(positions, Tensor) else positions()
    return values + table.flatten(0, -2)


def adapted_positions(weights: Mapping[str, Tensor], grid: Sequence[int]) -> dict[str, Tensor]:
    """A tokenizer's weights with the position tables among them resampled to another grid, cubic along each axis."""
    adapted = dict(weights)
    if "positions" in adapted:
        adapted["positions"] = resampled_positions(adapted["positions"], grid)
    for axis, size in enumerate(grid):
        name = f"positions.axes.{axis}"
        if name in adapted:
            adapted[name] = resampled_positions(adapted[name], (size,))
    return adapted


def learned_positions(*sizes: int) -> nn.Parameter:
    """A position table (*grid, width), truncated normal with the deviation width^-0.5 (Akbari et al. 2021)."""
    table = nn.Parameter(torch.empty(*sizes))
    nn.init.trunc_normal_(table, std=sizes[-1] ** -0.5)
    return table


def resampled_positions(table: Tensor, grid: Sequence[int]) -> Tensor:
    """A position table (*other grid, width) for another grid: (*grid, width), cubic along each axis.

    A table of fewer axes stands for every place of the axes before its own: a picture's, for every frame. One of more axes comes
    back as it is.
    """
    if table.dim() - 1 > len(grid):
        return table
    x = table.expand(*grid[: len(grid) + 1 - table.dim()], *table.shape)
    for axis, size in enumerate(grid):
        if x.shape[axis] != size:
            lines = x.movedim(axis, -1)
            column = lines.reshape(1, -1, lines.shape[-1], 1)
            resampled = F.interpolate(column, size=(size, 1), mode="bicubic", align_corners=False)
            x = resampled.reshape(*lines.shape[:-1], size).movedim(-1, axis)
    return x
