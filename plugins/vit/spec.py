"""ViT: pre-norm transformer blocks with one set of weights for all streams, under any mask.

Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words" (block and sizes; `tiny` and `small`: Touvron et al. 2021;
`medium`: Akbari et al. 2021); Raffel et al. 2020 (relative positions).

| size | width | depth | heads | MLP |
| --- | --- | --- | --- | --- |
| tiny | 192 | 12 | 3 | 768 |
| small | 384 | 12 | 6 | 1536 |
| base | 768 | 12 | 12 | 3072 |
| medium | 1024 | 12 | 16 | 4096 |
| large | 1024 | 24 | 16 | 4096 |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.interfaces import MaskPolicy
from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Stream, one_width, require_whole, streams_of
from antifaz.layers.shapes import mlp_width, require_heads
from antifaz.registry import SpecError, between, component, option, positive, zero_to_below_one

if TYPE_CHECKING:
    from .model import Transformer


@attrs.frozen
class Size:
    width: int
    depth: int
    heads: int


SIZES: Mapping[str, Size] = {
    "tiny": Size(192, 12, 3),
    "small": Size(384, 12, 6),
    "base": Size(768, 12, 12),
    "medium": Size(1024, 12, 16),
    "large": Size(1024, 24, 16),
}


@component("backbone", "vit")
@attrs.frozen(kw_only=True)
class ViT:
    """Vision transformer: pre-norm blocks whose weights are the same for all streams."""

    mask: MaskPolicy = option(doc="which stream reads which, in every block")
    size: Literal["tiny", "small", "base", "medium", "large"] | None = option(
        default=None, doc="depth and heads of a published size"
    )
    depth: int | None = option(default=None, validator=between(1, 1000), doc="number of blocks; needed without `size`")
    heads: int | None = option(default=None, validator=positive, doc="attention heads; needed without `size`")
    mlp_ratio: float = option(default=4.0, validator=positive, doc="width of the MLP as a multiple of the stream's")
    dropout: float = option(default=0.0, validator=zero_to_below_one, doc="after attention and in the MLP")
    drop_path: float = option(default=0.0, validator=zero_to_below_one, doc="of the last block's branches, growing linearly")
    attention: Literal["grouped", "dense", "flex"] = option(default="grouped", doc="how the mask becomes computation")
    relative_positions: tuple[str, ...] = option(
        default=(), doc="streams whose tokens read each other with T5's learned bias by distance, one for all layers: text"
    )

    def __attrs_post_init__(self) -> None:
        for field in ("depth", "heads"):
            if getattr(self, field) is None and self.size is None:
                raise SpecError(f"`{field}` is missing", field=field, hint=f"give `{field}`, or a `size`: {', '.join(SIZES)}")
        if self.attention == "flex" and self.dropout:
            raise SpecError("flex attention has no dropout of weights", field="dropout", hint="use `attention: grouped`, or 0")
        if self.attention == "flex" and self.relative_positions:
            raise SpecError("flex attention takes no bias", field="relative_positions", hint="use `attention: grouped`")

    def outputs(self, inputs: Group) -> Group:
        width = one_width(inputs)
        if self.size is not None and SIZES[self.size].width != width:
            expected = SIZES[self.size].width
            raise SpecError(f"size {self.size!r} has width {expected}, but the streams have {width}", field="size")
        require_heads(self._heads, width)
        routing = self._routing(inputs)
        for name in self.relative_positions:
            stream = inputs.get(name)
            if not isinstance(stream, Stream):
                raise SpecError(f"there is no stream {name!r}", field="relative_positions", hint=f"streams: {', '.join(inputs)}")
            if len(stream.grid) != 1:
                message = f"{name!r} has {len(stream.grid)} axes; the distance of two tokens is that along one"
                raise SpecError(message, field="relative_positions")
            if name not in routing.reads.get(name, {}):
                raise SpecError(f"the mask does not let {name!r} read itself", field="relative_positions")
            require_whole([stream], "their distances take")
        return dict(inputs)

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (self._routing(inputs),) * self._depth

    def build(self, inputs: Group) -> Transformer:
        from .model import Transformer

        width = one_width(inputs)
        return Transformer(
            width,
            self._routing(inputs),
            depth=self._depth,
            heads=self._heads,
            hidden=mlp_width(width, self.mlp_ratio),
            dropout=self.dropout,
            drop_path=self.drop_path,
            lowering=self.attention,
            relative_positions=self.relative_positions,
        )

    @property
    def _depth(self) -> int:
        return self.depth if self.depth is not None else SIZES[self.size or "base"].depth

    @property
    def _heads(self) -> int:
        return self.heads if self.heads is not None else SIZES[self.size or "base"].heads

    def _routing(self, inputs: Group) -> Routing:
        streams = streams_of(inputs)
        return self.mask.routing(streams, streams)
