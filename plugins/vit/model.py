"""The transformer of ViT on a dict of streams.

Source: Dosovitskiy et al. 2021. Pre-norm blocks, LayerNorm eps 1e-6, a final LayerNorm.
Axes: B batch, N tokens, W width.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.core.tokens import Tokens
from antifaz.layers.attention import Bias, Lowering
from antifaz.layers.mlp import drop_path_rates
from antifaz.layers.relative_positions import RelativePositions
from antifaz.layers.transformer import TransformerBlock, init_transformer


class Transformer(nn.Module):
    """`depth` blocks under one routing.

    Args:
        width: of every stream.
        routing: who reads whom, in every block.
        depth, heads, hidden: of the blocks; `hidden` is the MLP's width.
        dropout, drop_path: regularisation in training; drop path grows linearly up to the last block.
        lowering: see antifaz.layers.attention.
        relative_positions: streams whose tokens read each other with T5's bias by distance.
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
        relative_positions: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.routing = routing
        self.relative_streams = tuple(relative_positions)
        self.relative_positions = RelativePositions(heads) if relative_positions else None
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
        bias = self._bias(streams)
        for block in self.blocks:
            x = block(x, routing, valid, bias)
        return {name: streams[name].with_values(self.norm(x_BNW)) for name, x_BNW in x.items()}

    def _bias(self, streams: Mapping[str, Tokens]) -> Bias:
        """T5's bias for those streams that have it, computed once for all blocks."""
        bias: dict[tuple[str, str], Tensor] = {}
        if self.relative_positions is not None:
            for name in self.relative_streams:
                if name in streams:
                    if streams[name].index is not None:
                        raise ValueError(f"relative positions need every token of {name!r}; some were dropped")
                    tokens = streams[name].values.shape[1]
                    bias[name, name] = self.relative_positions(tokens, tokens)
        return bias
