"""Inertial, a tokenizer.  Axes: B batch, C channels, T samples, N tokens."""

from antifaz.core.tokens import Tokens, token_presence
from antifaz.layers.positions import learned_positions
from antifaz.layers.transformer import init_transformer
from torch import nn


class InertialTokenizerModule(nn.Module):
    def __init__(self, channels, patch, tokens, width):
        super().__init__()
        self.patch, self.tokens = patch, tokens
        self.project = nn.Linear(channels * patch, width)
        self.positions = learned_positions(tokens, width)
        self.apply(init_transformer)

    def forward(self, raw, valid=None):
        """raw: (B, C, T). valid: (B,) bool or None."""
        pieces = raw.unflatten(2, (self.tokens, self.patch)).transpose(1, 2).flatten(2)  # (B, N, C * patch)
        values = self.project(pieces) + self.positions
        return Tokens(values, (self.tokens,), valid=token_presence(valid, self.tokens))
