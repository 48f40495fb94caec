"""What turns decoded tokens into answers: plain arrays, logits of a vocabulary, and pictures pieced together from tiles.

Source: Jaegle et al. 2022, appendices F (masked language modelling), H (flow, tiles) and I (autoencoding).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.streams import Group, Shape, Stream, Value, streams_of
from antifaz.registry import SpecError, at_least, component, option, positive

if TYPE_CHECKING:
    from .readouts import TokenValueReadout, VocabularyReadout
    from .tiles import TileBlender, TileCutter

MOST_TILES = 1000
"""Of a picture: beyond, a size is in the wrong place."""


@component("readout", "token_values")
@attrs.frozen(kw_only=True)
class TokenValues:
    """The tokens of one stream as a plain array, after a linear map if asked."""

    layout: Literal["vector", "tokens", "grid", "flat"] = option(
        default="tokens", doc="(width,) of a single token, (tokens, width), (*grid, width) or (tokens * width,)"
    )
    width: int | None = option(default=None, validator=positive, doc="of a linear map; null for none")
    divide: float = option(default=1.0, validator=positive, doc="what the values are divided by; 100 for flow")

    def outputs(self, inputs: Group) -> Value:
        stream = single_stream(inputs)
        width = self.width or stream.width
        if self.layout == "vector":
            if stream.tokens != 1:
                raise SpecError(f"a vector needs one token, not {stream.tokens}", field="layout", hint="use tokens, grid or flat")
            return Shape((width,))
        grid = {"tokens": (stream.tokens, width), "grid": (*stream.grid, width), "flat": (stream.tokens * width,)}
        return Shape(grid[self.layout])

    def build(self, inputs: Group) -> TokenValueReadout:
        from .readouts import TokenValueReadout

        return TokenValueReadout(single_stream(inputs).width, self.width, self.outputs(inputs).dims, self.divide)


@component("readout", "vocabulary_logits")
@attrs.frozen(kw_only=True)
class VocabularyLogits:
    """Scores of every token for every number of a vocabulary: token times embedding, plus a bias.

    Tie it to the input's table: `tie: {embedding: text.embedding.weight}`.
    """

    vocabulary: int = option(validator=positive, doc="how many numbers there are")

    def outputs(self, inputs: Group) -> Value:
        return Shape((single_stream(inputs).tokens, self.vocabulary))

    def build(self, inputs: Group) -> VocabularyReadout:
        from .readouts import VocabularyReadout

        return VocabularyReadout(single_stream(inputs).width, self.vocabulary)


@attrs.frozen(kw_only=True)
class Tiling:
    """Tiles of one size that cover a picture and overlap; the last of a row or column is moved back to its edge."""

    size: tuple[int, int] = option(validator=positive, doc="height and width of a tile")
    overlap: int = option(default=20, validator=at_least(0), doc="least number of pixels that neighbours share")

    def corners(self, picture: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Top left corners, row by row.

        Raises:
            SpecError: a picture smaller than a tile, an overlap as large as one, or too many tiles.
        """
        for whole, tile in zip(picture, self.size, strict=True):
            if whole < tile:
                raise SpecError(f"a tile of {list(self.size)} is larger than the picture {list(picture)}", field="size")
            if self.overlap >= tile < whole:
                raise SpecError(f"an overlap of {self.overlap} is not smaller than a tile of {list(self.size)}", field="overlap")
        rows, columns = (self._starts(whole, tile) for whole, tile in zip(picture, self.size, strict=True))
        if len(rows) * len(columns) > MOST_TILES:
            raise SpecError(f"there would be {len(rows) * len(columns)} tiles, more than {MOST_TILES}", field="overlap")
        return tuple((y, x) for y in rows for x in columns)

    def _starts(self, whole: int, tile: int) -> list[int]:
        step = tile - self.overlap
        count = 1 + math.ceil((whole - tile) / step)
        return [min(i * step, whole - tile) for i in range(count)]


@component("head", "cut_tiles")
@attrs.frozen(kw_only=True)
class CutTiles(Tiling):
    """Pictures (..., height, width) cut into overlapping tiles (tile, ..., height, width), for `batch_axes: 2` behind it."""

    def outputs(self, inputs: Group) -> Value:
        value = one_array(inputs, 2)
        return Shape((len(self._corners(value)), *value.dims[:-2], *self.size), value.dtype)

    def build(self, inputs: Group) -> TileCutter:
        from .tiles import TileCutter

        value = one_array(inputs, 2)
        return TileCutter(self._corners(value), self.size)

    def _corners(self, value: Shape) -> tuple[tuple[int, int], ...]:
        return self.corners((value.dims[-2], value.dims[-1]))


@component("head", "blend_tiles")
@attrs.frozen(kw_only=True)
class BlendTiles(Tiling):
    """Tiles (tile, height, width, channels) pieced together; where they overlap, the one whose edge is farther counts more."""

    size: tuple[int, int] = option(validator=positive, doc="height and width of a tile, as they were cut")
    picture: tuple[int, int] = option(validator=positive, doc="height and width of the whole")

    def outputs(self, inputs: Group) -> Value:
        value = one_array(inputs, 4)
        count = len(self.corners(self.picture))
        if value.dims[:3] != (count, *self.size):
            raise SpecError(
                f"{count} tiles of {list(self.size)} make {list(self.picture)}, these are {list(value.dims[:3])}",
                field="in",
                hint="give `size`, `overlap` and `picture` the values of `cut_tiles`",
            )
        return Shape((*self.picture, value.dims[3]), value.dtype)

    def build(self, inputs: Group) -> TileBlender:
        from .tiles import TileBlender

        return TileBlender(self.corners(self.picture), self.size, self.picture)


def single_stream(inputs: Group) -> Stream:
    """The one stream that arrives; SpecError for several."""
    streams = streams_of(inputs)
    if len(streams) != 1:
        raise SpecError(f"this reads one stream, not {len(streams)}: {', '.join(inputs)}", field="in", hint="name one output")
    return streams[0]


def one_array(inputs: Group, axes: int) -> Shape:
    """The one array that arrives, with at least so many axes."""
    values = [value for value in inputs.values() if isinstance(value, Shape)]
    if len(values) != 1:
        raise SpecError(f"tiles are of one array, not of {len(values)}: {', '.join(inputs)}", field="in")
    if len(values[0].dims) < axes:
        raise SpecError(f"tiles need {axes} axes, not {list(values[0].dims)}", field="in")
    return values[0]
