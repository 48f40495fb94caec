"""MBT: from a fusion layer on, streams exchange what they know through a few bottleneck tokens.

Source: Nagrani et al. 2021, "Attention bottlenecks for multimodal fusion", and its public code. The streams read the bottleneck and
are not pure from the layer after the fusion layer on; `antifaz verify` says so. One final LayerNorm per encoder is *ours*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Stream, one_width, streams_of
from antifaz.layers.shapes import mlp_width, require_heads
from antifaz.registry import SpecError, at_least, between, component, option, positive, zero_to_below_one

if TYPE_CHECKING:
    from .model import BottleneckTransformer


@component("backbone", "bottleneck")
@attrs.frozen(kw_only=True)
class Bottleneck:
    """An encoder for each modality, and one latent stream through which they exchange from `fusion_layer` on."""

    depth: int = option(default=12, validator=between(1, 1000), doc="number of blocks of each encoder")
    heads: int = option(default=12, validator=positive, doc="attention heads; divides the width")
    fusion_layer: int = option(
        default=8, validator=at_least(0), doc="blocks in which each modality is alone; `depth`: they never meet"
    )
    shared: bool = option(default=False, doc="one encoder for all modalities, in place of one each")
    mlp_ratio: float = option(default=4.0, validator=positive, doc="width of the MLP as a multiple of the stream's")
    dropout: float = option(default=0.0, validator=zero_to_below_one, doc="after attention and in the MLP")
    drop_path: float = option(default=0.0, validator=zero_to_below_one, doc="of the last block's branches, growing linearly")

    def __attrs_post_init__(self) -> None:
        if self.fusion_layer > self.depth:
            raise SpecError(
                f"there are {self.depth} blocks, {self.fusion_layer} cannot come before the fusion",
                field="fusion_layer",
                hint=f"choose one of 0 to {self.depth}; with {self.depth} the modalities never meet",
            )

    def outputs(self, inputs: Group) -> Group:
        streams = streams_of(inputs)
        width = one_width(inputs)
        require_heads(self.heads, width)
        latents = [stream.name for stream in streams if stream.latent]
        if len(latents) != 1 or len(streams) < 2:
            named = f"the latent streams {', '.join(latents)}" if latents else "no latent stream"
            raise SpecError(
                f"one latent stream is the bottleneck, beside one modality or more; here are {named} of {', '.join(inputs)}",
                field="in",
                hint="add one node: {use: latents, tokens: 4, width: ...}",
            )
        return dict(inputs)

    def routings(self, inputs: Group) -> Sequence[Routing]:
        modalities, bottleneck = _named(inputs)
        alone = Routing.full({name: [name] for name in modalities})
        meeting = Routing.full({**{name: [name, bottleneck] for name in modalities}, bottleneck: [*modalities, bottleneck]})
        return (alone,) * self.fusion_layer + (meeting,) * (self.depth - self.fusion_layer)

    def build(self, inputs: Group) -> BottleneckTransformer:
        from .model import BottleneckTransformer

        modalities, bottleneck = _named(inputs)
        width = one_width(inputs)
        return BottleneckTransformer(
            width,
            modalities,
            bottleneck,
            depth=self.depth,
            heads=self.heads,
            hidden=mlp_width(width, self.mlp_ratio),
            fusion_layer=self.fusion_layer,
            shared=self.shared,
            dropout=self.dropout,
            drop_path=self.drop_path,
        )


def _named(inputs: Group) -> tuple[list[str], str]:
    """The names of the modalities, and that of the bottleneck."""
    streams = {name: value for name, value in inputs.items() if isinstance(value, Stream)}
    (bottleneck,) = (name for name, stream in streams.items() if stream.latent)
    return [name for name in streams if name != bottleneck], bottleneck
