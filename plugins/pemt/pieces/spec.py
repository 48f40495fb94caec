"""Long clips as sequences of short pieces: cutting, hiding pieces from the model, and tokens.

Source: Lee et al. 2021 (one-second pieces of up to 30 s, a learned summary token, masked pieces). The share and the number of
hidden pieces, and that a learned vector stands in their place, are *ours*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Shape, Stream
from antifaz.registry import SpecError, at_least, component, option, positive, zero_to_below_one

if TYPE_CHECKING:
    from .cutting import PieceCutter, PieceMask, PieceTokenizer


@component("head", "cut")
@attrs.frozen(kw_only=True)
class Cut:
    """Cuts a tensor into equal pieces along one axis; the pieces come first, for nodes with `batch_axes: 2`."""

    pieces: int = option(validator=positive, doc="how many")
    axis: int = option(validator=at_least(0), doc="that of time; 0 is the first after the batch (video 1, a spectrogram 1)")

    def outputs(self, inputs: Group) -> Shape:
        value = _only(inputs, "a tensor")
        if self.axis >= len(value.dims):
            raise SpecError(f"there is no axis {self.axis} in {list(value.dims)}", field="axis")
        size = value.dims[self.axis]
        if size % self.pieces:
            raise SpecError(f"{size} entries cannot be cut into {self.pieces}", field="pieces", hint="choose a divisor")
        dims = list(value.dims)
        dims[self.axis] = size // self.pieces
        return attrs.evolve(value, dims=(self.pieces, *dims))

    def build(self, inputs: Group) -> PieceCutter:
        from .cutting import PieceCutter

        return PieceCutter(self.pieces, self.axis)


@component("head", "mask_pieces")
@attrs.frozen(kw_only=True)
class MaskPieces:
    """Hides random pieces of a sequence in training behind a learned vector, and says which: outputs `values` and `hidden`."""

    rate: float = option(
        default=0.15, validator=zero_to_below_one, doc="share of the pieces that are hidden; above 0 at least one is"
    )

    def outputs(self, inputs: Group) -> Group:
        value = sequence_shape(inputs)
        if self.rate and self.count(value.dims[0]) == value.dims[0]:
            raise SpecError(f"hiding {self.count(value.dims[0])} of {value.dims[0]} pieces leaves none to see", field="rate")
        return {"values": value, "hidden": Shape(value.dims[:1])}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        # Which pieces are hidden depends on chance alone, so `hidden` is no reader.
        return (Routing.full({"values": list(inputs)}, learned_readers=True),)

    def build(self, inputs: Group) -> PieceMask:
        from .cutting import PieceMask

        pieces, width = sequence_shape(inputs).dims
        return PieceMask(self.count(pieces), width)

    def count(self, pieces: int) -> int:
        """Return the number of hidden pieces among so many."""
        return max(1, round(self.rate * pieces)) if self.rate else 0


@component("tokenizer", "piece_tokens")
@attrs.frozen(kw_only=True)
class PieceTokens:
    """A sequence of vectors as tokens: a linear map and LayerNorm, a learned summary token before them, learned positions."""

    width: int | None = option(default=None, validator=positive, doc="of a token; null for the vectors as they are")
    summary: bool = option(default=True, doc="whether there is a summary token")
    positions: bool = option(default=True, doc="whether positions are learned")

    def outputs(self, inputs: Group) -> Stream:
        pieces, width = sequence_shape(inputs).dims
        return Stream("pieces", self.width or width, (pieces + self.summary,))

    def build(self, inputs: Group) -> PieceTokenizer:
        from .cutting import PieceTokenizer

        pieces, width = sequence_shape(inputs).dims
        return PieceTokenizer(pieces, width, self.width, summary=self.summary, positions=self.positions)


def sequence_shape(inputs: Group) -> Shape:
    """The one sequence of vectors that arrives; SpecError for anything else."""
    value = _only(inputs, "a sequence of vectors (pieces, width)")
    if len(value.dims) != 2:
        raise SpecError(f"a sequence of vectors (pieces, width) is needed, not {list(value.dims)}", field="in")
    return value


def _only(inputs: Group, what: str) -> Shape:
    values = list(inputs.values())
    if len(values) != 1 or not isinstance(values[0], Shape):
        raise SpecError(f"{what} is needed, not {len(values)}: {', '.join(inputs)}", field="in")
    return values[0]
