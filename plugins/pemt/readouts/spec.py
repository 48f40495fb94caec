"""Readouts of sequences that begin with a summary token.

Source: Lee et al. 2021 (summary outputs; the pair of the summary and the output at a random time tells whether sound and pictures
belong together). That a pair's summary is the mean of those of its streams is *ours*, and so is the mean over time in evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Shape, Stream, one_width, streams_of
from antifaz.registry import SpecError, component, option

if TYPE_CHECKING:
    from .model import PairOf, PiecesOf, SummariesOf


@component("readout", "summary_readout")
@attrs.frozen(kw_only=True)
class SummaryReadout:
    """The first token of each stream: its summary."""

    def outputs(self, inputs: Group) -> Group:
        return {name: Shape((stream.width,)) for name, stream in streams_with(inputs, 1).items()}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (Routing.full({name: [name] for name in inputs}),)

    def build(self, inputs: Group) -> SummariesOf:
        from .model import SummariesOf

        return SummariesOf()


@component("readout", "piece_readout")
@attrs.frozen(kw_only=True)
class PieceReadout:
    """All tokens of each stream but the summary: (pieces, width), to be held against what the pieces were."""

    def outputs(self, inputs: Group) -> Group:
        return {name: Shape((stream.tokens - 1, stream.width)) for name, stream in streams_with(inputs, 2).items()}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (Routing.full({name: [name] for name in inputs}),)

    def build(self, inputs: Group) -> PiecesOf:
        from .model import PiecesOf

        return PiecesOf()


@component("readout", "pair_readout")
@attrs.frozen(kw_only=True)
class PairReadout:
    """One vector for all streams together: the mean of their summaries, and beside it the output at one time, or at all."""

    time: Literal["random", "mean"] = option(
        default="random", doc="random: one piece of one stream in training, drawn for each sample; the mean in evaluation"
    )

    def outputs(self, inputs: Group) -> Shape:
        return Shape((2 * one_width(streams_with(inputs, 2)),))

    def build(self, inputs: Group) -> PairOf:
        from .model import PairOf

        return PairOf(random=self.time == "random")


def streams_with(inputs: Group, tokens: int) -> dict[str, Stream]:
    """Return the streams by name; SpecError for one with fewer tokens."""
    streams = {stream.name: stream for stream in streams_of(inputs)}
    for name, stream in streams.items():
        if stream.tokens < tokens:
            raise SpecError(f"{name!r} has {stream.tokens} tokens; a summary and pieces are needed", field="in")
    return streams
