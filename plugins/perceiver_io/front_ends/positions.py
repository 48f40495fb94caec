"""Positions of the cells of a grid, as Fourier features or learned.

Source: Jaegle et al. 2022, appendix D. Axes: N cells, A axes of the grid, F bands, P position width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FourierTable(nn.Module):
    """Raw position, sin and cos(pi f x) for bands f linear from 1 to resolution / 2, x in [-1, 1] along each axis.

    Computed when asked and in float32, whatever the model's type: as in the public code, so that published weights see the same
    numbers, and without a state of hundreds of megabytes.

    Args:
        grid: cells along each axis.
        resolution: along each axis; half of it is the highest band.
        bands: F.
        raw: whether the position itself comes first.
        ends: `both` puts the last cell at 1, `first` a step before it.
    """

    def __init__(self, grid: tuple[int, ...], resolution: tuple[int, ...], bands: int, *, raw: bool, ends: str) -> None:
        super().__init__()
        self.grid, self.resolution, self.bands, self.raw, self.ends = grid, resolution, bands, raw, ends

    def forward(self, like: Tensor) -> Tensor:
        """(N, P) on the device and in the type of `like`. Order: raw axes, sines by axis and band, cosines likewise."""
        device = like.device
        cells_NA = torch.stack(torch.meshgrid([self._axis(n, device) for n in self.grid], indexing="ij"), dim=-1)
        cells_NA = cells_NA.flatten(0, -2)
        bands_AF = torch.stack(
            [torch.linspace(1.0, size / 2, self.bands, dtype=torch.float32, device=device) for size in self.resolution]
        )
        angles = torch.pi * (cells_NA[:, :, None] * bands_AF).flatten(1)
        parts = [angles.sin(), angles.cos()]
        return torch.cat([cells_NA, *parts] if self.raw else parts, dim=1).to(like.dtype)

    def _axis(self, cells: int, device: torch.device) -> Tensor:
        if self.ends == "both":
            return torch.linspace(-1.0, 1.0, cells, dtype=torch.float32, device=device)
        return -1 + 2 * torch.arange(cells, device=device) / cells


class LearnedTable(nn.Module):
    """A learned vector for each cell, and a linear map of it if asked."""

    def __init__(self, cells: int, width: int, project: int | None) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(cells, width))
        nn.init.trunc_normal_(self.table, std=0.02)
        self.project = None if project is None else nn.Linear(width, project)

    def forward(self, like: Tensor) -> Tensor:
        """(N, P) in the type of `like`."""
        table_NP: Tensor = self.table if self.project is None else self.project(self.table)
        return table_NP.to(like.dtype)


class Place(nn.Module):
    """Joins values and positions: (B, N, W) -> (B, N, W + P) side by side, or (B, N, W) as a sum."""

    def __init__(self, table: nn.Module, combine: str) -> None:
        super().__init__()
        self.table, self.combine = table, combine

    def forward(self, values_BNW: Tensor) -> Tensor:
        table_NP: Tensor = self.table(values_BNW)
        if self.combine == "add":
            return values_BNW + table_NP
        return torch.cat([values_BNW, table_NP.expand(len(values_BNW), -1, -1)], dim=2)
