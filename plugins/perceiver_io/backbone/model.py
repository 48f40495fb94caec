"""Encoder with processor, and decoder.

Source: Jaegle et al. 2022, section 3. Axes: B batch, N tokens, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.core.tokens import Tokens
from antifaz.layers.attention import readable

from ..layers import Layer, Sizes, init_perceiver

__all__ = ["PerceiverEncoder", "PerceiverQueryDecoder", "Sizes"]


class PerceiverEncoder(nn.Module):
    """Cross-attention of the latents to all inputs, then blocks of self-attention that share their weights.

    Args:
        cross_routing: which stream (the latents) reads which.
        self_routing: the latents read themselves.
        across, within: sizes of the cross-attention and of the layers.
        layers, blocks: layers of a block, and how often it runs.
        query_residual: of the cross-attention.
        exact_gelu, dropout: see Layer.
    """

    def __init__(
        self,
        cross_routing: Routing,
        self_routing: Routing,
        across: Sizes,
        within: Sizes,
        *,
        layers: int,
        blocks: int,
        query_residual: bool,
        exact_gelu: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.cross_routing, self.self_routing, self.blocks = cross_routing, self_routing, blocks
        (self.latents,) = cross_routing.readers
        self.cross = Layer(across, cross=True, query_residual=query_residual, exact_gelu=exact_gelu, dropout=dropout)
        self.layers = nn.ModuleList(
            Layer(within, cross=False, query_residual=True, exact_gelu=exact_gelu, dropout=dropout) for _ in range(layers)
        )
        self.apply(init_perceiver)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        """stream -> Tokens (B, N, W), absent inputs are not there. Returns the latents alone.

        Latents of a sample that has no valid input are zero and marked invalid.
        """
        if self.latents not in streams:
            return {}
        latents = streams[self.latents]
        inputs = {name: tokens for name, tokens in streams.items() if name != self.latents}
        if not inputs:
            return {self.latents: blank(latents, latents.values)}
        valid = {name: tokens.valid for name, tokens in inputs.items()}
        sources = self.cross.keys_and_values({name: tokens.values for name, tokens in inputs.items()})
        x = self.cross({self.latents: latents.values}, sources, self.cross_routing, valid)
        latent_valid = {self.latents: latents.valid}
        for _ in range(self.blocks):
            for layer in self.layers:
                x = layer(x, None, self.self_routing, latent_valid)
        presence = readable(self.cross_routing, valid)[self.latents]
        return {self.latents: marked(latents, x[self.latents], presence)}


class PerceiverQueryDecoder(nn.Module):
    """Cross-attention of query streams to the latents, then a linear map.

    Args:
        routing: every query stream reads the latents.
        sizes: of the cross-attention; its readers are the queries.
        width: of the linear map, None for none.
        query_residual: whether a query is added to what it reads.
        chunks: parts of a query stream that are decoded one after another, which bounds the memory of long outputs.
        exact_gelu, dropout: see Layer.
    """

    def __init__(
        self,
        routing: Routing,
        sizes: Sizes,
        *,
        width: int | None,
        query_residual: bool,
        chunks: int,
        exact_gelu: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.routing, self.chunks = routing, chunks
        (self.latents,) = routing.sources
        self.width = width or sizes.reader
        self.cross = Layer(sizes, cross=True, query_residual=query_residual, exact_gelu=exact_gelu, dropout=dropout)
        self.final = None if width is None else nn.Linear(sizes.reader, width)
        self.apply(init_perceiver)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        """stream -> Tokens (B, N, W). Returns the query streams that are there; without latents they are zero and invalid."""
        queries = {name: tokens for name, tokens in streams.items() if name != self.latents}
        if self.latents not in streams:
            return {n: blank(t, t.values.new_zeros(*t.values.shape[:2], self.width)) for n, t in queries.items()}
        valid = {self.latents: streams[self.latents].valid}
        sources = self.cross.keys_and_values({self.latents: streams[self.latents].values})
        presence = readable(self.routing, valid)
        result = {}
        for name, tokens in queries.items():
            parts = []
            # Where nothing takes memory, one part costs the same FLOPs and a hundredth of the time to count them.
            for part_BNW in tokens.values.chunk(1 if tokens.values.is_meta else self.chunks, dim=1):
                read_BNW = self.cross({name: part_BNW}, sources, self.routing, valid)[name]
                parts.append(read_BNW if self.final is None else self.final(read_BNW))
            values_BNW = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
            result[name] = marked(tokens, values_BNW, presence[name])
        return result


def marked(tokens: Tokens, values_BNW: Tensor, presence_B: Tensor | None) -> Tokens:
    """New vectors for tokens; samples that are not present become zero and invalid."""
    valid_BN = tokens.valid
    if presence_B is not None:
        present_BN = presence_B[:, None].expand(-1, values_BNW.shape[1])
        valid_BN = present_BN if valid_BN is None else valid_BN & present_BN
        values_BNW = torch.where(presence_B[:, None, None], values_BNW, 0.0)
    return Tokens(values_BNW, tokens.grid, tokens.index, valid_BN)


def blank(tokens: Tokens, values_BNW: Tensor) -> Tokens:
    """Zeros, all invalid, where there is nothing to read."""
    nothing_B = torch.zeros(values_BNW.shape[0], dtype=torch.bool, device=values_BNW.device)
    return marked(tokens, values_BNW, nothing_B)
