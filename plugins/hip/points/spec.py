"""Points in and out: the tokenizer `points`, the positions `point_queries` and the way back, `point_values`.

Source: Carreira et al. 2022 and the public code google-deepmind/hierarchical_perceiver. Points that are patches of arrays with any
number of axes are *ours*; there a point is a row of (index, channels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from antifaz.core.streams import Group, Shape, Stream, only
from antifaz.layers.patches import Patches, patches_of
from antifaz.registry import SpecError, component, option, positive

if TYPE_CHECKING:
    from .model import PointEmbedding, PointUnembedding, PositionTable

PROJECTION = "put the positions through a linear map without bias, which modalities may tie"


@component("tokenizer", "points")
@attrs.frozen(kw_only=True)
class Points:
    """Any array as points, one linear map each, plus a trainable table of positions."""

    width: int = option(validator=positive, doc="of a token")
    patch: tuple[int, ...] | None = option(
        default=None, validator=positive, doc="of a point along each axis of the array; null for (index, channels)"
    )
    position_projection: bool = option(default=False, doc=PROJECTION)

    def outputs(self, inputs: Group) -> Stream:
        return Stream("points", self.width, self._patches(inputs).grid)

    def build(self, inputs: Group) -> PointEmbedding:
        from .model import PointEmbedding

        return PointEmbedding(self._patches(inputs), self.width, projection=self.position_projection)

    def _patches(self, inputs: Group) -> Patches:
        value = only(inputs)
        if not isinstance(value, Shape) or not value.dtype.startswith(("float", "bfloat")):
            raise SpecError("points are cut from an array of floats", field="in")
        return patches_of(value.dims, self.patch)


@component("latents", "point_queries")
@attrs.frozen(kw_only=True)
class PointQueries:
    """A trainable table of positions that asks a decoder for points; tie it to the table of a tokenizer."""

    grid: tuple[int, ...] = option(validator=positive, doc="of the positions, as the tokenizer has it")
    width: int = option(validator=positive, doc="of each")
    position_projection: bool = option(default=False, doc=PROJECTION)

    def __attrs_post_init__(self) -> None:
        if not self.grid:
            raise SpecError("`grid` needs an axis", field="grid")

    def outputs(self, inputs: Group) -> Stream:
        return Stream("queries", self.width, self.grid, latent=True)

    def build(self, inputs: Group) -> PositionTable:
        from .model import PositionTable

        return PositionTable(self.grid, self.width, projection=self.position_projection)


@component("readout", "point_values")
@attrs.frozen(kw_only=True)
class PointValues:
    """Tokens back to the array that they are points of: one linear map, which begins at zero."""

    shape: tuple[int, ...] = option(validator=positive, doc="of the array")
    patch: tuple[int, ...] | None = option(
        default=None, validator=positive, doc="of a point along each axis of the array; null for (index, channels)"
    )

    def outputs(self, inputs: Group) -> Shape:
        if len(inputs) != 1:
            raise SpecError(f"this takes one stream, not {len(inputs)}: {', '.join(inputs)}", field="in", hint="name one output")
        stream = only(inputs)
        patches = patches_of(self.shape, self.patch, field="shape" if self.patch is None else "patch")
        if isinstance(stream, Stream) and stream.tokens != patches.count:
            raise SpecError(f"{list(self.shape)} has {patches.count} points, but {stream.tokens} tokens arrive", field="shape")
        return Shape(self.shape)

    def build(self, inputs: Group) -> PointUnembedding:
        from .model import PointUnembedding

        stream = only(inputs)
        assert isinstance(stream, Stream)
        return PointUnembedding(patches_of(self.shape, self.patch), stream.width)
