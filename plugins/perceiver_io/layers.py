"""Attention and MLP of the Perceiver: readers and sources may differ in width.

Source: Jaegle et al. 2022, appendix E: pre-norm, LayerNorm eps 1e-5.
Axes: B batch, N tokens, W width, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.layers.attention import Valid, attend
from antifaz.layers.mlp import MLP
from antifaz.layers.transformer import merge_heads, split_heads

Heads = Mapping[str, Tensor]
"""stream -> (B, H, N, D)."""


@dataclass(frozen=True)
class Sizes:
    """Widths of readers, sources, queries with keys, and values (over all heads); heads; the MLP as a multiple of the readers."""

    reader: int
    source: int
    qk: int
    v: int
    heads: int
    widening: int


class Attention(nn.Module):
    """Multi-head attention from one width to another. The result has the readers' width."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = sizes.heads, dropout
        self.query = nn.Linear(sizes.reader, sizes.qk)
        self.key = nn.Linear(sizes.source, sizes.qk)
        self.value = nn.Linear(sizes.source, sizes.v)
        self.out = nn.Linear(sizes.v, sizes.reader)

    def keys_and_values(self, sources: Mapping[str, Tensor]) -> tuple[Heads, Heads]:
        """Return the heads of keys and values of these sources, stream -> (B, N, W)."""
        k = {name: split_heads(self.key(x_BNW), self.heads) for name, x_BNW in sources.items()}
        v = {name: split_heads(self.value(x_BNW), self.heads) for name, x_BNW in sources.items()}
        return k, v

    def forward(
        self, readers: Mapping[str, Tensor], sources: tuple[Heads, Heads], routing: Routing, valid: Valid
    ) -> dict[str, Tensor]:
        """readers: name -> (B, N, W). sources: their keys and values. valid: source -> (B, N) bool or None."""
        q = {name: split_heads(self.query(x_BNW), self.heads) for name, x_BNW in readers.items()}
        dropout = self.dropout if self.training else 0.0
        mixed = attend(q, *sources, routing, valid=valid, dropout=dropout)
        return {name: self.out(merge_heads(x_BHND)) for name, x_BHND in mixed.items()}


class Layer(nn.Module):
    """x = attention(LN(x), LN(sources)), with x added unless the residual is off; then x + MLP(LN(x)).

    Args:
        sizes: of the attention and the MLP.
        cross: whether sources are other streams, with a norm of their own; else the readers themselves.
        query_residual: whether readers are added to what they read.
        exact_gelu: the activation by the error function, else by its tanh approximation.
        dropout: of attention weights.
    """

    def __init__(self, sizes: Sizes, *, cross: bool, query_residual: bool, exact_gelu: bool, dropout: float) -> None:
        super().__init__()
        self.query_residual = query_residual
        self.reader_norm = nn.LayerNorm(sizes.reader)
        self.source_norm = nn.LayerNorm(sizes.source) if cross else None
        self.attention = Attention(sizes, dropout)
        self.mlp_norm = nn.LayerNorm(sizes.reader)
        self.mlp = MLP(sizes.reader, sizes.widening * sizes.reader)
        if not exact_gelu:
            self.mlp.activation = nn.GELU(approximate="tanh")

    def keys_and_values(self, sources: Mapping[str, Tensor]) -> tuple[Heads, Heads]:
        """Return the heads of keys and values that readers need of these streams, (B, N, W) each."""
        assert self.source_norm is not None, "a layer of self-attention has no other sources"
        return self.attention.keys_and_values({name: self.source_norm(x_BNW) for name, x_BNW in sources.items()})

    def forward(
        self, readers: Mapping[str, Tensor], sources: tuple[Heads, Heads] | None, routing: Routing, valid: Valid
    ) -> dict[str, Tensor]:
        """readers: name -> (B, N, W). sources: from `keys_and_values`; None for self-attention. Returns the readers' names."""
        normed = {name: self.reader_norm(x_BNW) for name, x_BNW in readers.items()}
        read = self.attention(normed, sources or self.attention.keys_and_values(normed), routing, valid)
        x = {name: x_BNW + readers[name] if self.query_residual else x_BNW for name, x_BNW in read.items()}
        return {name: x_BNW + self.mlp(self.mlp_norm(x_BNW)) for name, x_BNW in x.items()}


def init_perceiver(module: nn.Module) -> None:
    """Linear weights from a truncated normal with the deviation fan-in^-0.5, zero biases, as in the public JAX code."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
        nn.init.zeros_(module.bias)
