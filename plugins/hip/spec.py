"""HiP, the Hierarchical Perceiver: groups of tokens become groups of latents, which merge level by level and part again.

Source: Carreira et al. 2022, "Hierarchical Perceiver", and the public code google-deepmind/hierarchical_perceiver (sizes, blocks,
stock grouping). Zorro-HiP, in which no group ever holds two modalities, is *ours*.

| | mini | 16 | 256 |
| --- | --- | --- | --- |
| groups | 16,1,16 | 16,4,1,1,1,4,16 | 256,64,16,4,1,1,1,4,16,64,256 |
| layers | 2,1,1 | 2,2,18,2,1,1,1 | 1,1,2,2,18,2,1,1,1,1,1 |
| latents | 128,64,128 | 128,256,256,64,256,256,128 | 32,64,128,256,256,64,256,256,128,64,32 |
| channels | 128,1024,128 | 128,256,512,1024,512,256,128 | 64,96,128,256,512,1024,256,128,64,32,16 |
| heads | 4,32,4 | 4,8,16,32,16,8,4 | 1,2,4,8,16,32,16,8,4,2,1 |
| width of the streams | 32 | 32 | 16 |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.interfaces import MaskPolicy
from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Stream, one_width, require_whole
from antifaz.registry import SpecError, between, component, option, suggest

from .grouping import STOCK_LANE, Layout, check_routing, is_stock, separate_layout, stock_layout

if TYPE_CHECKING:
    from .model import HierarchicalPerceiver


@attrs.frozen
class Size:
    """One number for each block: encoder, middle, decoder. layers: of self-attention. width: of the streams that arrive."""

    groups: tuple[int, ...]
    layers: tuple[int, ...]
    latents: tuple[int, ...]
    channels: tuple[int, ...]
    heads: tuple[int, ...]
    width: int


SIZES: Mapping[str | int, Size] = {
    "mini": Size((16, 1, 16), (2, 1, 1), (128, 64, 128), (128, 1024, 128), (4, 32, 4), 32),
    16: Size(
        (16, 4, 1, 1, 1, 4, 16),
        (2, 2, 18, 2, 1, 1, 1),
        (128, 256, 256, 64, 256, 256, 128),
        (128, 256, 512, 1024, 512, 256, 128),
        (4, 8, 16, 32, 16, 8, 4),
        32,
    ),
    256: Size(
        (256, 64, 16, 4, 1, 1, 1, 4, 16, 64, 256),
        (1, 1, 2, 2, 18, 2, 1, 1, 1, 1, 1),
        (32, 64, 128, 256, 256, 64, 256, 256, 128, 64, 32),
        (64, 96, 128, 256, 512, 1024, 256, 128, 64, 32, 16),
        (1, 2, 4, 8, 16, 32, 16, 8, 4, 2, 1),
        16,
    ),
}
SIZED = between(1, 100_000)
TABLES = ("groups", "layers", "latents", "channels", "heads")


@component("backbone", "hip")
@attrs.frozen(kw_only=True)
class HiP:
    """Hierarchical Perceiver: latents of groups that merge towards the middle, and a decoder with skips where queries arrive."""

    mask: MaskPolicy = option(doc="`zorro`: groups of one modality at every level; `joint`: the stock grouping, which merges all")
    size: Literal["mini", 16, 256] | None = option(default=None, doc="the tables of a published size")
    groups: tuple[int, ...] | None = option(default=None, validator=SIZED, doc="of each block: encoder, middle, decoder")
    layers: tuple[int, ...] | None = option(default=None, validator=between(0, 1000), doc="self-attention layers of each block")
    latents: tuple[int, ...] | None = option(default=None, validator=SIZED, doc="of a group, in each block")
    channels: tuple[int, ...] | None = option(default=None, validator=SIZED, doc="width of the latents of each block")
    heads: tuple[int, ...] | None = option(default=None, validator=SIZED, doc="of self-attention in each block")
    queries: Mapping[str, str] = option(
        factory=dict, doc="{query stream: stream}: what is decoded, from whose groups; without any there is no decoder"
    )
    empty_groups: bool = option(
        default=False, doc="let groups of the stock grouping hold nothing but padding, as the public code does"
    )

    def __attrs_post_init__(self) -> None:
        for field in TABLES:
            if self.size is None and getattr(self, field) is None:
                names = ", ".join(map(str, SIZES))
                raise SpecError(f"`{field}` is missing", field=field, hint=f"give all of {', '.join(TABLES)}, or a `size`: {names}")
        blocks = len(self._table("groups"))
        for field in TABLES:
            table = self._table(field)
            if len(table) != blocks:
                raise SpecError(f"`{field}` has {len(table)} entries, `groups` has {blocks}", field=field)
            if field in ("groups", "latents") and table != table[::-1]:
                hint = "each block of the decoder takes the latents of its mirrored block in the encoder"
                raise SpecError(f"`{field}` must read the same in both directions, not {list(table)}", field=field, hint=hint)
        if blocks < 3 or blocks % 2 == 0:
            raise SpecError(f"an odd number of blocks, 3 or more, is needed, not {blocks}", field="groups")
        for width, heads in zip(self._table("channels"), self._table("heads"), strict=True):
            if width % heads:
                raise SpecError(f"{heads} heads do not divide {width} channels", field="heads")

    def outputs(self, inputs: Group) -> Group:
        streams, width = self._streams(inputs), one_width(inputs)
        require_whole(streams, "groups take")
        if self.size is not None and SIZES[self.size].width != width:
            expected = SIZES[self.size].width
            raise SpecError(
                f"size {self.size!r} reads a width of {expected}, but the streams have {width}",
                field="size",
                hint=f"give their nodes `width: {expected}`, or write the tables out instead of `size`",
            )
        layout, middle = self._layout(inputs), self._middle
        latent = {stream.name: stream.latent for stream in streams} | ({STOCK_LANE: True} if layout.stock else {})
        channels, latents = self._table("channels")[middle], self._table("latents")[middle]
        lanes = {
            lane.name: Stream(lane.name, channels, (lane.groups[middle], latents), latent=latent[lane.name])
            for lane in layout.lanes
        }
        return {**lanes, **{name: inputs[name] for name in self.queries}}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return self._layout(inputs).routings(self._middle, self.queries)

    def build(self, inputs: Group) -> HierarchicalPerceiver:
        from .model import HierarchicalPerceiver

        return HierarchicalPerceiver(
            one_width(inputs),
            self._layout(inputs),
            latents=self._table("latents"),
            channels=self._table("channels"),
            heads=self._table("heads"),
            layers=self._table("layers"),
            queries=self.queries,
        )

    def _table(self, field: str) -> tuple[int, ...]:
        written: tuple[int, ...] | None = getattr(self, field)
        published: tuple[int, ...] = () if self.size is None else getattr(SIZES[self.size], field)
        return published if written is None else written

    @property
    def _middle(self) -> int:
        """The number of the block between encoder and decoder."""
        return len(self._table("groups")) // 2

    def _streams(self, inputs: Group) -> list[Stream]:
        """Return the streams that are encoded: all that arrive but the queries."""
        streams = [value for name, value in inputs.items() if isinstance(value, Stream) and name not in self.queries]
        names = [stream.name for stream in streams]
        for query, stream in self.queries.items():
            if query not in inputs:
                hint = suggest(query, list(inputs), noun="inputs")
                raise SpecError(f"there is no query stream {query!r} among the inputs", field="queries", hint=hint)
            if stream not in names:
                hint = suggest(stream, names, noun="streams")
                raise SpecError(
                    f"{query!r} asks for the groups of {stream!r}, which is not a stream", field=f"queries.{query}", hint=hint
                )
        if not streams:
            raise SpecError("queries alone have nothing to read", field="in", hint="add the streams that are to be encoded")
        return streams

    def _layout(self, inputs: Group) -> Layout:
        streams = self._streams(inputs)
        routing = self.mask.routing(streams, streams)
        levels = None if self.queries else self._middle + 1
        groups, latents = self._table("groups")[:levels], self._table("latents")[:levels]
        if is_stock(streams, routing):
            if groups[self._middle] != 1:
                raise SpecError(f"the stock grouping merges to 1 group in the middle, not {groups[self._middle]}", field="groups")
            return stock_layout(streams, groups, latents, empty_groups=self.empty_groups)
        check_routing(streams, routing)
        return separate_layout(streams, routing, groups, latents)
