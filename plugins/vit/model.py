"""The transformer of ViT on a dict of streams.

Source: Dosovitskiy et al. 2021. Pre-norm blocks, LayerNorm eps 1e-6, a final LayerNorm.
Axes: B batch, N tokens, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from antifaz.core.attention import Lowering
from antifaz.core.routing import Routing
from antifaz.core.tokens import Tokens
from antifaz.core.transformer import TransformerBlock, drop_path_rates, init_transformer


class Transformer(nn.Module):
    """`depth` blocks under one routing.

    Args:
        width: of every stream.
        routing: who reads whom, in every block.
        depth, heads, hidden: of the blocks; `hidden` is the MLP's width.
        dropout, drop_path: regularisation in training; drop path grows linearly up to the last block.
        lowering: see antifaz.core.attention.
    """

    def __init__(
        self,
        width: int,
        routing: Routing,
        *,
        depth: int,
        heads: int,
        hidden: int,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        lowering: Lowering = "grouped",
    ) -> None:
        super().__init__()
        self.routing = routing
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads=heads, hidden=hidden, dropout=dropout, drop_path=rate, lowering=lowering)
            for rate in drop_path_rates(drop_path, depth)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.apply(init_transformer)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        """stream -> Tokens (B, N, W), absent ones are not there; returns the same streams."""
        valid = {name: tokens.valid for name, tokens in streams.items()}
        x = {name: tokens.values for name, tokens in streams.items()}
        routing = self.routing.restrict(streams, streams)
        for block in self.blocks:
            x = block(x, routing, valid)
        return {name: streams[name].with_values(self.norm(x_BNW)) for name, x_BNW in x.items()}
