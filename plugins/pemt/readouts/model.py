"""Features out of sequences of a summary and pieces.

Axes: B batch, N tokens of a stream, S = N - 1 pieces, T pieces of all streams, W width.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from antifaz.core.tokens import Features, Tokens


class SummariesOf(nn.Module):
    """stream -> Tokens (B, N, W) becomes stream -> Features (B, W)."""

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> dict[str, Features]:
        """outputs: the streams that are asked, None for all."""
        return {
            name: Features(tokens.values[:, 0], None if tokens.valid is None else tokens.valid[:, 0])
            for name, tokens in streams.items()
            if outputs is None or name in outputs
        }


class PiecesOf(nn.Module):
    """stream -> Tokens (B, N, W) becomes stream -> Features (B, S, W), valid (B, S) where the tokens say."""

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> dict[str, Features]:
        """outputs: the streams that are asked, None for all."""
        return {
            name: Features(tokens.values[:, 1:], None if tokens.valid is None else tokens.valid[:, 1:])
            for name, tokens in streams.items()
            if outputs is None or name in outputs
        }


class PairOf(nn.Module):
    """{stream: Tokens (B, N, W)} -> Features (B, 2 W); only what is valid counts, a sample without any is zero and invalid.

    Args:
        random: whether, in training, the second half is the output at one time instead of their mean.
    """

    def __init__(self, *, random: bool) -> None:
        super().__init__()
        self.random = random

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> Features:
        order = sorted(streams)  # so that the same draw means the same piece, in whatever order they arrive
        marks = {name: _marks(streams[name]) for name in order}
        summary_BW = _mean(
            torch.stack([streams[name].values[:, 0] for name in order], dim=1),
            torch.stack([marks[name][:, 0] for name in order], dim=1),
        )
        pieces_BTW = torch.cat([streams[name].values[:, 1:] for name in order], dim=1)
        there_BT = torch.cat([marks[name][:, 1:] for name in order], dim=1)
        if self.random and self.training:
            draw_BT = torch.rand(there_BT.shape, device=there_BT.device)
            there_BT = there_BT & (torch.arange(there_BT.shape[1], device=there_BT.device) == _best(draw_BT, there_BT)[:, None])
        values_BV = torch.cat((summary_BW, _mean(pieces_BTW, there_BT)), dim=1)
        known = any(tokens.valid is not None for tokens in streams.values())
        return Features(values_BV, torch.stack([m[:, 0] for m in marks.values()]).any(dim=0) if known else None)


def _marks(tokens: Tokens) -> Tensor:
    if tokens.valid is not None:
        return tokens.valid
    return torch.ones(tokens.values.shape[:2], dtype=torch.bool, device=tokens.values.device)


def _best(draw_BT: Tensor, there_BT: Tensor) -> Tensor:
    """(B,) the place of the highest number among those that are there."""
    return draw_BT.masked_fill(~there_BT, -1.0).argmax(dim=1)


def _mean(values_BNW: Tensor, there_BN: Tensor) -> Tensor:
    """(B, W) over what is there; zeros where nothing is."""
    shares_BN = there_BN.to(values_BNW.dtype)
    shares_BN = shares_BN / shares_BN.sum(dim=1, keepdim=True).clamp(min=1)
    return (values_BNW * shares_BN[..., None]).sum(dim=1)
