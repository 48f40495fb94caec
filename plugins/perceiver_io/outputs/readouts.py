"""Decoded tokens as arrays and logits. Axes: B batch, N tokens, W width, V vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from antifaz.core.streams import only
from antifaz.core.tokens import Features, Tokens

from ..layers import init_perceiver


class TokenValueReadout(nn.Module):
    """One stream (B, N, W) -> (B, *dims).

    Args:
        width: W.
        mapped: width of a linear map, None for none.
        dims: sizes of the result after the batch.
        divide: what the values are divided by.
    """

    def __init__(self, width: int, mapped: int | None, dims: tuple[int, ...], divide: float) -> None:
        super().__init__()
        self.dims, self.divide = dims, divide
        self.project = None if mapped is None else nn.Linear(width, mapped)
        self.apply(init_perceiver)

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> Features:
        """Tokens that are not valid are zero; a sample without a valid one is marked so."""
        tokens = only(streams)
        values = tokens.values if self.project is None else self.project(tokens.values)
        return answer(values / self.divide if self.divide != 1 else values, tokens.valid, self.dims)


class VocabularyReadout(nn.Module):
    """One stream (B, N, W) -> (B, N, V): embedding (V, W), which a graph ties to the input's, and a bias."""

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(vocabulary, width))
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        nn.init.trunc_normal_(self.embedding, std=0.02)

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> Features:
        tokens = only(streams)
        logits_BNV = tokens.values @ self.embedding.T + self.bias
        return answer(logits_BNV, tokens.valid, tuple(logits_BNV.shape[1:]))


def answer(values_BNW: Tensor, valid_BN: Tensor | None, dims: tuple[int, ...]) -> Features:
    """An array per sample; zero where a token is not valid."""
    if valid_BN is None:
        return Features(values_BNW.reshape(-1, *dims))
    return Features(torch.where(valid_BN[..., None], values_BNW, 0.0).reshape(-1, *dims), valid_BN.any(dim=1))
