"""Perceiver IO: encoder with processor, decoder, and the padding of streams to one width.

Source: Jaegle et al. 2022, "Perceiver IO", section 3 and appendix E (structure, widths); the public JAX code (tanh GELU, learned
modality vectors and masks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Stream, one_width, streams_of
from antifaz.registry import SpecError, component, option, positive, zero_to_below_one

if TYPE_CHECKING:
    from .model import PerceiverEncoder, PerceiverQueryDecoder
    from .padding import ModalityPadder

LATENTS = "latents"
"""The stream that an encoder fills and a decoder reads, unless another is named."""

MOST_LAYERS = 1000
"""Layers that may run one after another: beyond, a number is in the wrong place, and a check of it would take hours."""


@component("backbone", "perceiver")
@attrs.frozen(kw_only=True)
class Perceiver:
    """Latents read all input streams by cross-attention, then attend to themselves; the latents are what leaves."""

    latents: str | None = option(
        default=None, doc="the stream that reads the others; default the one called `latents`, or the only latent one"
    )
    layers: int = option(validator=positive, doc="self-attention layers of a block")
    blocks: int = option(default=1, validator=positive, doc="how often the block runs, with the same weights")
    cross_heads: int = option(default=1, validator=positive, doc="heads of the cross-attention")
    self_heads: int = option(default=8, validator=positive, doc="heads of the self-attention")
    qk_width: int | None = option(
        default=None,
        validator=positive,
        doc="of queries and keys, all heads; default the inputs' across, the latents' within",
    )
    v_width: int | None = option(default=None, validator=positive, doc="of values, all heads; default `qk_width`")
    cross_widening: int = option(default=1, validator=positive, doc="width of the MLP after the cross-attention, as a multiple")
    self_widening: int = option(default=1, validator=positive, doc="width of the MLPs of the layers, as a multiple")
    query_residual: bool = option(default=True, doc="whether the latents are added to what they read")
    gelu: Literal["exact", "tanh"] = option(default="exact", doc="form of the activation: `tanh` is that of the JAX code")
    dropout: float = option(default=0.0, validator=zero_to_below_one, doc="of attention weights, in training")

    def __attrs_post_init__(self) -> None:
        if self.layers * self.blocks > MOST_LAYERS:
            message = f"{self.blocks} blocks of {self.layers} layers are more than {MOST_LAYERS} layers"
            raise SpecError(message, field="blocks" if self.layers <= MOST_LAYERS else "layers", hint="a typing mistake?")

    def outputs(self, inputs: Group) -> Group:
        streams = streams_of(inputs)
        latents = chosen(self.latents, streams, "latents")
        width = padded_width([s for s in streams if s is not latents], "an encoder needs inputs beside its latents")
        divides(self.cross_heads, {"qk_width": self.qk_width or width, "v_width": self._v(width)}, "cross_heads")
        divides(self.self_heads, {"qk_width": self.qk_width or latents.width, "v_width": self._v(latents.width)}, "self_heads")
        return {latents.name: latents}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        cross_routing, self_routing = self._routings(inputs)
        return (cross_routing, *[self_routing] * (self.layers * self.blocks))

    def build(self, inputs: Group) -> PerceiverEncoder:
        from .model import PerceiverEncoder, Sizes

        streams = streams_of(inputs)
        latents = chosen(self.latents, streams, "latents")
        source = next(s.width for s in streams if s is not latents)
        cross_routing, self_routing = self._routings(inputs)
        across = Sizes(latents.width, source, self.qk_width or source, self._v(source), self.cross_heads, self.cross_widening)
        qk, v = self.qk_width or latents.width, self._v(latents.width)
        within = Sizes(latents.width, latents.width, qk, v, self.self_heads, self.self_widening)
        return PerceiverEncoder(
            cross_routing,
            self_routing,
            across,
            within,
            layers=self.layers,
            blocks=self.blocks,
            query_residual=self.query_residual,
            exact_gelu=self.gelu == "exact",
            dropout=self.dropout,
        )

    def _v(self, default: int) -> int:
        return self.v_width or self.qk_width or default

    def _routings(self, inputs: Group) -> tuple[Routing, Routing]:
        """Return the routing of cross-attention, and that of self-attention."""
        streams = streams_of(inputs)
        latents = chosen(self.latents, streams, "latents")
        others = [s.name for s in streams if s is not latents]
        return Routing.full({latents.name: others}), Routing.full({latents.name: [latents.name]})


@component("backbone", "perceiver_decoder")
@attrs.frozen(kw_only=True)
class PerceiverDecoder:
    """Output queries, any streams, read the latents by cross-attention: every query stream leaves as an output."""

    latents: str | None = option(
        default=None, doc="the stream that the queries read; default the one called `latents`, or the only latent one"
    )
    width: int | None = option(default=None, validator=positive, doc="of a final linear map; null for none")
    heads: int = option(default=1, validator=positive, doc="of the cross-attention")
    qk_width: int | None = option(default=None, validator=positive, doc="of queries and keys, all heads; default the latents'")
    v_width: int | None = option(default=None, validator=positive, doc="of values, all heads; default `qk_width`")
    widening: int = option(default=1, validator=positive, doc="width of the MLP, as a multiple of the queries'")
    query_residual: bool = option(default=True, doc="whether a query is added to what it reads")
    chunks: int = option(default=1, validator=positive, doc="parts of a query stream that are decoded one after another")
    gelu: Literal["exact", "tanh"] = option(default="exact", doc="form of the activation: `tanh` is that of the JAX code")
    dropout: float = option(default=0.0, validator=zero_to_below_one, doc="of attention weights, in training")

    def outputs(self, inputs: Group) -> Group:
        streams = streams_of(inputs)
        latents = chosen(self.latents, streams, "latents")
        queries = [s for s in streams if s is not latents]
        width = padded_width(queries, "a decoder needs query streams beside the latents")
        qk = self.qk_width or latents.width
        divides(self.heads, {"qk_width": qk, "v_width": self.v_width or qk}, "heads")
        return {s.name: attrs.evolve(s, width=self.width or width) for s in queries}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (self._routing(inputs),)

    def build(self, inputs: Group) -> PerceiverQueryDecoder:
        from .model import PerceiverQueryDecoder, Sizes

        streams = streams_of(inputs)
        latents = chosen(self.latents, streams, "latents")
        query = next(s.width for s in streams if s is not latents)
        qk = self.qk_width or latents.width
        return PerceiverQueryDecoder(
            self._routing(inputs),
            Sizes(query, latents.width, qk, self.v_width or qk, self.heads, self.widening),
            width=self.width,
            query_residual=self.query_residual,
            chunks=self.chunks,
            exact_gelu=self.gelu == "exact",
            dropout=self.dropout,
        )

    def _routing(self, inputs: Group) -> Routing:
        streams = streams_of(inputs)
        latents = chosen(self.latents, streams, "latents")
        # A query's own content decides what it reads, so it influences the output also without the residual.
        return Routing.full({s.name: [latents.name] for s in streams if s is not latents})


@component("backbone", "modality_padding")
@attrs.frozen(kw_only=True)
class ModalityPadding:
    """Brings streams to one width by appending a vector per stream, learned or zero, and may replace tokens by learned masks."""

    width: int = option(validator=positive, doc="of all streams that leave")
    learned: bool = option(default=True, doc="whether the vectors that are appended are learned; else zeros")
    mask: Mapping[str, float] = option(
        factory=dict,
        doc="{stream: chance}: streams with a learned mask, and the chance that it replaces a token in training; "
        "1 hides the stream in evaluation too, which reads the others whole",
    )

    def __attrs_post_init__(self) -> None:
        for name, chance in self.mask.items():
            if not 0 <= chance <= 1:
                raise SpecError(f"the chance of {name!r} must be between 0 and 1, not {chance:g}", field=f"mask.{name}")

    def outputs(self, inputs: Group) -> Group:
        streams = streams_of(inputs)
        for stream in streams:
            if stream.width > self.width:
                raise SpecError(f"{stream.name!r} is {stream.width} wide, more than {self.width}", field="width")
        for name in self.mask:
            if name not in inputs:
                raise SpecError(f"there is no stream {name!r} to mask", field="mask", hint=f"streams: {', '.join(inputs)}")
        return {stream.name: attrs.evolve(stream, width=self.width) for stream in streams}

    def build(self, inputs: Group) -> ModalityPadder:
        from .padding import ModalityPadder

        widths = {stream.name: stream.width for stream in streams_of(inputs)}
        return ModalityPadder(widths, self.width, learned=self.learned, mask=self.mask)


def chosen(name: str | None, streams: Sequence[Stream], field: str) -> Stream:
    """The latents among the streams.

    Raises:
        SpecError: the named stream is not there, or none is named and several could be meant.
    """
    named = {stream.name: stream for stream in streams}
    if name is not None:
        if name not in named:
            raise SpecError(f"there is no stream {name!r}", field=field, hint=f"streams: {', '.join(named)}")
        return named[name]
    if LATENTS in named:
        return named[LATENTS]
    latent = [stream for stream in streams if stream.latent]
    if len(latent) != 1:
        raise SpecError(
            f"which of the streams are the latents? {len(latent)} of {', '.join(named)} are latent",
            field=field,
            hint="name it, or call it `latents` in `in:`",
        )
    return latent[0]


def padded_width(streams: Sequence[Stream], empty: str) -> int:
    """The width that all streams have. empty: what to say where there are none."""
    if not streams:
        raise SpecError(empty, field="in", hint="add a stream to `in:`")
    return one_width({stream.name: stream for stream in streams}, hint="put `modality_padding` before this node")


def divides(heads: int, widths: Mapping[str, int], field: str) -> None:
    """SpecError where heads do not divide a width."""
    for name, width in widths.items():
        if width % heads:
            raise SpecError(f"{heads} heads do not divide the `{name}` {width}", field=field, hint=f"set `{name}`, or other heads")
