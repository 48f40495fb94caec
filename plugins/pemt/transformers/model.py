"""The Transformers of PEMT, and who of them uses whose weights.

Source: Lee et al. 2021; the authors' code for the layer, which is BERT's (Devlin et al. 2019): post-norm, LayerNorm eps 1e-12,
GELU. Axes: B batch, N tokens, W width.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.core.streams import parameter_name
from antifaz.core.tokens import Tokens
from antifaz.layers.attention import Lowering, Valid, attend
from antifaz.layers.transformer import init_transformer, merge_heads, split_heads

from .maps import LowRankMap, Map, maps_of
from .sharing import MULTIMODAL, Sharing

EPS = 1e-12
SHARED = "shared"
"""The owner of layers that all Transformers use."""

MAPS = ("query", "key", "value", "out", "up", "down")


class Layer(nn.Module):
    """x = LN(x + attention(x)), then x = LN(x + MLP(x)).

    Args:
        width: W.
        hidden: width of the MLP.
        heads, dropout, lowering: of the attention, and of what is added.
        rank: of its maps, None for full ones.
        members: the Transformers that use it.
    """

    def __init__(
        self, width: int, hidden: int, heads: int, dropout: float, lowering: Lowering, *, rank: int | None, members: Collection[str]
    ) -> None:
        super().__init__()
        self.heads, self.dropout, self.lowering = heads, dropout, lowering
        for name in MAPS:
            size_in, size_out = hidden if name == "down" else width, hidden if name == "up" else width
            self.add_module(name, nn.Linear(size_in, size_out) if rank is None else LowRankMap(size_in, size_out, rank, members))
        self.attention_norm = nn.LayerNorm(width, eps=EPS)
        self.mlp_norm = nn.LayerNorm(width, eps=EPS)
        self.activation = nn.GELU()
        self.drop = nn.Dropout(dropout)

    def maps(self, member: str) -> dict[str, Map]:
        """The linear maps as a Transformer uses them; one that goes through this layer several times makes them once."""
        return maps_of({name: self.get_submodule(name) for name in MAPS}, member)

    def forward(self, x: Mapping[str, Tensor], maps: Mapping[str, Map], routing: Routing, valid: Valid) -> dict[str, Tensor]:
        """x: stream -> (B, N, W)."""
        q, k, v = ({name: split_heads(maps[each](t), self.heads) for name, t in x.items()} for each in MAPS[:3])
        dropout = self.dropout if self.training else 0.0
        mixed = attend(q, k, v, routing, valid=valid, dropout=dropout, lowering=self.lowering)
        x = {name: self.attention_norm(t + self.drop(maps["out"](merge_heads(mixed[name])))) for name, t in x.items()}
        return {name: self.mlp_norm(t + self.drop(maps["down"](self.activation(maps["up"](t))))) for name, t in x.items()}


class ParameterEfficientTransformers(nn.Module):
    """A Transformer for each stream and one for all of them, by the kind of fusion.

    Args:
        grids: of the streams by name.
        width: W.
        depth, heads, hidden, dropout, lowering: of the layers; `hidden` is the MLP's width.
        sharing, rank, fusion, types: see the spec.
    """

    takes_outputs = True  # so that a modality's answer alone does not run the multimodal Transformer

    def __init__(
        self,
        grids: Mapping[str, tuple[int, ...]],
        width: int,
        *,
        depth: int,
        heads: int,
        hidden: int,
        sharing: Sharing,
        rank: int,
        fusion: str,
        types: bool,
        dropout: float = 0.0,
        lowering: Lowering = "grouped",
    ) -> None:
        super().__init__()
        self.grids, self.depth, self.fusion = dict(grids), depth, fusion
        self.alone_routing = {name: Routing.full({name: [name]}) for name in grids}
        self.joint_routing = Routing.full({name: list(grids) for name in grids})
        unimodal = [] if fusion == "early" else list(grids)
        members = [*unimodal, *([] if fusion == "late" else [MULTIMODAL])]
        low = sharing in ("low_rank", "low_rank_modalities")
        self.shared = low or sharing == "layers_modalities"
        count = 1 if sharing in ("layers", "layers_modalities", "low_rank") else depth

        def layer() -> Layer:
            return Layer(width, hidden, heads, dropout, lowering, rank=rank if low else None, members=members)

        owners = [SHARED] if self.shared else members
        self.layers = nn.ModuleDict({parameter_name(owner): nn.ModuleList(layer() for _ in range(count)) for owner in owners})
        self.apply(init_transformer)
        learned = list(grids) if types and MULTIMODAL in members else []
        self.types = nn.ParameterDict({parameter_name(name): nn.Parameter(0.02 * torch.randn(width)) for name in learned})

    def forward(self, streams: Mapping[str, Tokens], outputs: Collection[str] | None = None) -> dict[str, Tokens]:
        """streams: name -> Tokens (B, N, W); absent ones are not there. outputs: what is asked, None for everything.

        Of an absent stream the multimodal Transformer gives zeros, marked invalid.
        """
        x = {name: tokens.values for name, tokens in streams.items()}
        valid = {name: tokens.valid for name, tokens in streams.items()}
        result: dict[str, Tokens] = {}
        if self.fusion != "early":
            for name in x:
                x |= self._run(name, {name: x[name]}, self.alone_routing[name], {name: valid[name]})
            result = {name: tokens.with_values(x[name]) for name, tokens in streams.items() if outputs is None or name in outputs}
        fused = {name: f"{MULTIMODAL}_{name}" for name in self.grids}
        asked = [name for name, output in fused.items() if outputs is None or output in outputs]
        if self.fusion != "late" and asked:
            # In one order, whatever the order in which they came.
            typed = {
                name: x[name] + self.types[parameter_name(name)] if self.types else x[name] for name in self.grids if name in x
            }
            y = self._run(MULTIMODAL, typed, self.joint_routing, valid)
            some = next(iter(y.values()))
            for name in asked:
                result[fused[name]] = streams[name].with_values(y[name]) if name in y else _nothing(some, self.grids[name])
        return result

    def _run(self, member: str, x: dict[str, Tensor], routing: Routing, valid: Valid) -> dict[str, Tensor]:
        """Run one Transformer on its streams."""
        layers = cast(nn.ModuleList, self.layers[parameter_name(SHARED if self.shared else member)])
        maps = [cast(Layer, layer).maps(member) for layer in layers]
        for i in range(self.depth):
            layer = layers[i % len(layers)]
            x = layer(x, maps[i % len(layers)], routing, valid)
        return x


def _nothing(like: Tensor, grid: tuple[int, ...]) -> Tokens:
    """Tokens of an absent stream."""
    batch, tokens, width = like.shape[0], math.prod(grid), like.shape[2]
    marks = torch.zeros(batch, tokens, dtype=torch.bool, device=like.device)
    return Tokens(like.new_zeros(batch, tokens, width), grid, valid=marks)
