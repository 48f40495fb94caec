"""Means over tokens.  Axes: B batch, N tokens, W width."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import nn

from antifaz.core.tokens import Features, Tokens


class MeanPooling(nn.Module):
    """stream -> Tokens (B, N, W) becomes stream -> Features (B, W); zeros, marked invalid, where no token is valid."""

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> dict[str, Features]:
        """outputs: the streams that are asked, None for all."""
        return {name: _mean(tokens) for name, tokens in streams.items() if outputs is None or name in outputs}


def _mean(tokens: Tokens) -> Features:
    if tokens.valid is None:
        return Features(tokens.values.mean(dim=1))
    weights = tokens.valid.to(tokens.values.dtype)[..., None]
    counts = weights.sum(dim=1)
    return Features((tokens.values * weights).sum(dim=1) / counts.clamp(min=1), tokens.valid.any(dim=1))
