"""Sequences of pieces. Axes: B batch, S pieces, C width of a piece's vector, W width of tokens."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from antifaz.core.streams import only
from antifaz.core.tokens import Features, Tokens
from antifaz.layers.positions import learned_positions, resampled_positions
from antifaz.layers.transformer import init_transformer


class PieceCutter(nn.Module):
    """(B, ..., S * n, ...) -> (B, S, ..., n, ...).

    Args:
        pieces: S.
        axis: that is cut, without the batch.
    """

    def __init__(self, pieces: int, axis: int) -> None:
        super().__init__()
        self.pieces, self.axis = pieces, axis

    def forward(self, features: Mapping[str, Features]) -> Features:
        entry = only(features)
        cut = entry.values.unflatten(self.axis + 1, (self.pieces, -1))
        return Features(cut.movedim(self.axis + 1, 1), entry.valid)


class PieceMask(nn.Module):
    """(B, S, C) -> `values` (B, S, C) with a learned vector in the place of hidden pieces, and `hidden` (B, S), 1 where they are.

    Hides, in training, `count` pieces of each sample, drawn from torch's global generator. In evaluation none.

    Args:
        count: how many.
        width: C.
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.count = count
        self.instead = nn.Parameter(0.02 * torch.randn(width))

    def forward(self, features: Mapping[str, Features]) -> dict[str, Features]:
        entry = only(features)
        x_BSC = entry.values
        if not self.training or not self.count:
            return {"values": entry, "hidden": Features(x_BSC.new_zeros(x_BSC.shape[:2]), entry.valid)}
        order_BS = torch.rand(x_BSC.shape[:2], device=x_BSC.device).argsort(dim=1)
        hidden_BS = torch.zeros_like(order_BS, dtype=torch.bool).scatter(1, order_BS[:, : self.count], True)
        values_BSC = torch.where(hidden_BS[..., None], self.instead.to(x_BSC.dtype), x_BSC)
        return {"values": Features(values_BSC, entry.valid), "hidden": Features(hidden_BS.to(x_BSC.dtype), entry.valid)}


class PieceTokenizer(nn.Module):
    """(B, S, C) -> tokens (B, S, W), one more with a summary token, which is the first and has no position.

    Args:
        pieces: S.
        width_in: C.
        width: W, None for the vectors as they are.
        summary, positions: whether there are.
    """

    def __init__(self, pieces: int, width_in: int, width: int | None, *, summary: bool, positions: bool) -> None:
        super().__init__()
        size = width or width_in
        self.map = nn.Identity() if width is None else nn.Sequential(nn.Linear(width_in, width), nn.LayerNorm(width))
        self.apply(init_transformer)
        self.summary = nn.Parameter(0.02 * torch.randn(size)) if summary else None
        self.pieces, self.positions = pieces, learned_positions(pieces, size) if positions else None

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, S, C). valid: (B,) or (B, S) bool, or None; a summary is there where a piece is."""
        x_BNW = self.map(raw)
        if self.positions is not None:
            x_BNW = x_BNW + self.positions
        if valid is not None and valid.dim() == 1:
            valid = valid[:, None].expand(-1, raw.shape[1])
        if self.summary is not None:
            x_BNW = torch.cat((self.summary.to(x_BNW.dtype).expand(len(raw), 1, -1), x_BNW), dim=1)
            valid = None if valid is None else torch.cat((valid.any(dim=1, keepdim=True), valid), dim=1)
        return Tokens(x_BNW, (x_BNW.shape[1],), valid=valid)

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Positions of longer or shorter sequences."""
        if "positions" in weights and self.positions is not None:
            weights = {**weights, "positions": resampled_positions(weights["positions"], (self.pieces,))}
        return weights
