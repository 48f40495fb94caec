"""Zorro: one masked transformer that gives audio, video and fused answers.

Source: Recasens et al. 2023, "Zorro: the masked multimodal transformer" (mask and four decoded outputs). The sizes, the MLP after
the decoding cross-attention and the initialisation are *ours*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from antifaz.core.interfaces import MaskPolicy
from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Shape, Stream, one_width, streams_of
from antifaz.layers.shapes import mlp_width, require_heads
from antifaz.registry import SpecError, at_least, component, option, positive

if TYPE_CHECKING:
    from .latents import LatentTokens
    from .readout import QueryDecoder

GLOBAL = "global"
"""The query that reads every stream."""


@component("mask", "zorro")
@attrs.frozen(kw_only=True)
class ZorroMask:
    """Latent streams read everything, a modality only itself; a readout's query reads its namesake, `global` reads all."""

    def routing(self, readers: Sequence[Stream], sources: Sequence[Stream]) -> Routing:
        names = [source.name for source in sources]
        if list(readers) == list(sources):
            return Routing.full({r.name: names if r.latent else [r.name] for r in readers})
        reads: dict[str, list[str]] = {}
        for reader in readers:
            if reader.name != GLOBAL and reader.name not in names:
                raise SpecError(
                    f"the query {reader.name!r} has no namesake to read", field="mask", hint=f"streams: {', '.join(names)}"
                )
            reads[reader.name] = names if reader.name == GLOBAL else [reader.name]
        return Routing.full(reads, learned_readers=True)


@component("latents", "latents")
@attrs.frozen(kw_only=True)
class Latents:
    """Learned tokens that belong to no modality, the same for every sample: fusion tokens, bottlenecks."""

    tokens: int = option(validator=positive, doc="how many")
    width: int = option(validator=positive, doc="of each token")
    std: float = option(default=0.02, validator=at_least(0), doc="of the first values (ours)")

    def outputs(self, inputs: Group) -> Stream:
        return Stream("latents", self.width, (self.tokens,), latent=True)

    def build(self, inputs: Group) -> LatentTokens:
        from .latents import LatentTokens

        return LatentTokens(self.tokens, self.width, self.std)


@component("readout", "query_readout")
@attrs.frozen(kw_only=True)
class QueryReadout:
    """One learned query per stream and `global`, decoded by masked cross-attention: one feature vector each."""

    mask: MaskPolicy = option(doc="which query reads which stream")
    heads: int = option(default=1, validator=positive, doc="attention heads; divides the width")
    mlp_ratio: float | None = option(default=4.0, doc="width of the MLP after it, as a multiple; null for none (ours)")
    global_query: bool = option(default=True, doc="whether there is a query that reads all streams")

    def outputs(self, inputs: Group) -> Group:
        width = one_width(inputs)
        require_heads(self.heads, width)
        return {query.name: Shape((width,)) for query in self._queries(inputs)}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (self.mask.routing(self._queries(inputs), streams_of(inputs)),)

    def build(self, inputs: Group) -> QueryDecoder:
        from .readout import QueryDecoder

        hidden = None if self.mlp_ratio is None else mlp_width(one_width(inputs), self.mlp_ratio)
        (routing,) = self.routings(inputs)
        return QueryDecoder(one_width(inputs), routing, heads=self.heads, hidden=hidden)

    def _queries(self, inputs: Group) -> list[Stream]:
        names = [stream.name for stream in streams_of(inputs)]
        if self.global_query and GLOBAL not in names:
            names.append(GLOBAL)
        # Queries are no streams of the input, even under a stream's name: their grid says that they are single vectors.
        return [Stream(name, one_width(inputs), ()) for name in names]
