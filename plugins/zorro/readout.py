"""The decoder of Zorro's outputs: learned queries that read the streams by masked cross-attention.

Source: Recasens et al. 2023 (four queries under the mask). Pre-norm, residual and MLP are *ours*.
Axes: B batch, N tokens, W width.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import nn

from antifaz.core.routing import Routing
from antifaz.core.streams import parameter_name
from antifaz.core.tokens import Features, Tokens
from antifaz.layers.attention import readable
from antifaz.layers.mlp import MLP
from antifaz.layers.transformer import RoutedAttention, init_transformer


class QueryDecoder(nn.Module):
    """One feature vector per query.

    Args:
        width: of tokens, queries and features.
        routing: which query reads which stream.
        heads: of the cross-attention.
        hidden: width of the MLP that follows, None for none.
    """

    def __init__(self, width: int, routing: Routing, *, heads: int, hidden: int | None) -> None:
        super().__init__()
        self.routing = routing
        self.queries = nn.ParameterDict({parameter_name(name): nn.Parameter(torch.empty(1, width)) for name in routing.readers})
        self.query_norm = nn.LayerNorm(width, eps=1e-6)
        self.token_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = RoutedAttention(width, heads)
        self.mlp_norm = None if hidden is None else nn.LayerNorm(width, eps=1e-6)
        self.mlp = None if hidden is None else MLP(width, hidden)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.apply(init_transformer)
        for query in self.queries.values():
            nn.init.trunc_normal_(query, std=0.02)

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> dict[str, Features]:
        """streams: name -> Tokens (B, N, W); absent ones are not there.  outputs: the queries that are asked, None for all.

        Returns query -> Features (B, W). A query whose streams are all absent is left out; a sample in which it has nothing
        valid to read is zero and marked invalid.
        """
        asked = [name for name in self.routing.readers if outputs is None or name in outputs]
        routing = self.routing.restrict(streams, asked)
        batch = next(iter(streams.values())).values.shape[0]
        sources = {name: self.token_norm(streams[name].values) for name in streams if name in routing.sources}
        valid = {name: streams[name].valid for name in sources}
        queries_BNW = {name: self.queries[parameter_name(name)].expand(batch, 1, -1) for name in routing.readers}
        read = self.attention({n: self.query_norm(q) for n, q in queries_BNW.items()}, sources, routing, valid)
        presence = readable(routing, valid)
        result = {}
        for name in routing.readers:
            x = queries_BNW[name] + read[name]
            if self.mlp is not None and self.mlp_norm is not None:
                x = x + self.mlp(self.mlp_norm(x))
            values = self.norm(x).squeeze(1)
            present = presence[name]
            result[name] = Features(values if present is None else torch.where(present[:, None], values, 0.0), present)
        return result
