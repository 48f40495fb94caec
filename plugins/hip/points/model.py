"""Raw arrays to tokens and back, and positions as queries.

Source: the public code google-deepmind/hierarchical_perceiver: one linear map for each modality, a low-dimensional trainable table
of positions, and a way back that begins at zero. The first values of the tables are *ours*.
Axes: B batch, N points, C numbers in a point, W width.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from antifaz.core.streams import only
from antifaz.core.tokens import Features, Tokens, token_presence
from antifaz.layers.patches import Patches, from_points, to_points
from antifaz.layers.positions import learned_positions, resampled_positions


class Positions(nn.Module):
    """A trainable table (*grid, W), through a linear map without bias where there is one.

    Args:
        grid, width: of the table.
        projection: whether there is the map.
    """

    def __init__(self, grid: Sequence[int], width: int, *, projection: bool) -> None:
        super().__init__()
        self.grid = tuple(grid)
        self.positions = learned_positions(*grid, width)
        self.position_projection = nn.Linear(width, width, bias=False) if projection else nn.Identity()
        if isinstance(self.position_projection, nn.Linear):
            nn.init.trunc_normal_(self.position_projection.weight, std=width**-0.5)

    def table(self) -> Tensor:
        """(N, W)."""
        positions: Tensor = self.position_projection(self.positions.flatten(0, -2))
        return positions

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Positions of another grid, resampled to this one."""
        if "positions" in weights:
            weights = {**weights, "positions": resampled_positions(weights["positions"], self.grid)}
        return weights


class PointEmbedding(Positions):
    """(B, *dims) -> (B, N, W): each point through a linear map, plus its position.

    Args:
        patches: what the points are.
        width: W.
        projection: see `Positions`.
    """

    def __init__(self, patches: Patches, width: int, *, projection: bool) -> None:
        super().__init__(patches.grid, width, projection=projection)
        self.patches = patches
        self.embed = nn.Linear(patches.channels, width)
        nn.init.trunc_normal_(self.embed.weight, std=patches.channels**-0.5)
        nn.init.zeros_(self.embed.bias)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, *dims). valid: (B,) bool or None."""
        values = self.embed(to_points(raw, self.patches)) + self.table()
        return Tokens(values, self.grid, valid=token_presence(valid, self.patches.count))


class PositionTable(Positions):
    """The table itself, the same for every sample.  (batch size) -> (B, N, W)."""

    def forward(self, batch_size: int) -> Tokens:
        return Tokens(self.table().expand(batch_size, -1, -1), self.grid)


class PointUnembedding(nn.Module):
    """(B, N, W) -> (B, *dims): each token through a linear map that begins at zero.

    Args:
        patches: what the points are.
        width: W.
    """

    def __init__(self, patches: Patches, width: int) -> None:
        super().__init__()
        self.patches = patches
        self.unembed = nn.Linear(width, patches.channels)
        nn.init.zeros_(self.unembed.weight)
        nn.init.zeros_(self.unembed.bias)

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> Features:
        """Map one stream to the array. Points of invalid tokens are zero; a sample without a valid one is marked invalid."""
        tokens = only(streams)
        points_BNC = self.unembed(tokens.values)
        if tokens.valid is None:
            return Features(from_points(points_BNC, self.patches))
        points_BNC = torch.where(tokens.valid[..., None], points_BNC, torch.zeros_like(points_BNC))
        return Features(from_points(points_BNC, self.patches), tokens.valid.any(dim=1))
