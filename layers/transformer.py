"""Transformer parts that backbones and readouts share: routed multi-head attention, MLP, blocks, drop path, position tables.

Linear maps run stream by stream: what a stream computes never depends on which others run beside it.
Axes: B batch, N tokens, W width, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from antifaz.core.routing import Routing

from .attention import Bias, Lowering, Valid, attend
from .mlp import MLP, DropPath


def split_heads(x_BNW: Tensor, heads: int) -> Tensor:
    """(B, N, W) -> (B, H, N, D)."""
    batch, tokens, width = x_BNW.shape
    return x_BNW.view(batch, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(x_BHND: Tensor) -> Tensor:
    """(B, H, N, D) -> (B, N, W)."""
    return x_BHND.transpose(1, 2).flatten(2)


class RoutedAttention(nn.Module):
    """Multi-head attention between streams under a routing; its weights are the same for all streams.

    Args:
        width: of readers, sources and the result.
        heads: divides the width.
        dropout: of attention weights and of the result.
        lowering: see antifaz.layers.attention.
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0, lowering: Lowering = "grouped") -> None:
        super().__init__()
        self.heads, self.dropout, self.lowering = heads, dropout, lowering
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)

    def forward(
        self,
        readers: Mapping[str, Tensor],
        sources: Mapping[str, Tensor],
        routing: Routing,
        valid: Valid | None = None,
        bias: Bias | None = None,
    ) -> dict[str, Tensor]:
        """readers, sources: name -> (B, N, W). valid: source -> (B, N) bool or None. bias: see `attend`.

        Returns reader -> (B, N, W).
        """
        q = {name: split_heads(self.query(x), self.heads) for name, x in readers.items()}
        pairs = {name: self.key_value(x).chunk(2, dim=-1) for name, x in sources.items()}
        k = {name: split_heads(pair[0], self.heads) for name, pair in pairs.items()}
        v = {name: split_heads(pair[1], self.heads) for name, pair in pairs.items()}
        dropout = self.dropout if self.training else 0.0
        mixed = attend(q, k, v, routing, valid=valid, bias=bias, dropout=dropout, lowering=self.lowering)
        return {name: self.drop(self.out(merge_heads(x))) for name, x in mixed.items()}


class TransformerBlock(nn.Module):
    """Pre-norm, as in Dosovitskiy et al. 2021: x + attention(LN(x)), then x + MLP(LN(x)), for every stream; LayerNorm eps 1e-6."""

    def __init__(self, width: int, *, heads: int, hidden: int, dropout: float, drop_path: float, lowering: Lowering) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = RoutedAttention(width, heads, dropout=dropout, lowering=lowering)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width, hidden, dropout=dropout)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Mapping[str, Tensor], routing: Routing, valid: Valid, bias: Bias | None = None) -> dict[str, Tensor]:
        normed = {name: self.attention_norm(x_BNW) for name, x_BNW in x.items()}
        read = self.attention(normed, normed, routing, valid, bias)
        x = {name: x_BNW + self.drop_path(read[name]) for name, x_BNW in x.items()}
        return {name: x_BNW + self.drop_path(self.mlp(self.mlp_norm(x_BNW))) for name, x_BNW in x.items()}


def init_transformer(module: nn.Module) -> None:
    """Xavier-uniform linear weights and zero biases, as in the public ViT code: right for narrow models too."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
