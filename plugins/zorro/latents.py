"""Learned tokens that belong to no modality."""

from __future__ import annotations

import torch
from torch import nn

from antifaz.core.tokens import Tokens


class LatentTokens(nn.Module):
    """`tokens` learned vectors, drawn from a truncated normal.  (batch size) -> (batch, tokens, width)."""

    def __init__(self, tokens: int, width: int, std: float) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.empty(tokens, width))
        nn.init.trunc_normal_(self.values, std=std)

    def forward(self, batch_size: int) -> Tokens:
        return Tokens(self.values.expand(batch_size, -1, -1), (self.values.shape[0],))
