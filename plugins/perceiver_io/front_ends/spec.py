"""What turns raw modalities into the inputs and queries of a Perceiver.

Source: Jaegle et al. 2022, appendices D to H. Defaults are the published values where the paper has one for all tasks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.streams import Group, Shape, Stream, only
from antifaz.layers.shapes import one_shape
from antifaz.registry import SpecError, at_least, component, option, positive

if TYPE_CHECKING:
    from torch import nn

    from .tokenizers import ArrayPatchTokenizer, ConvTokenizer, EntityTokenizer, LabelTokenizer, PositionTokens, VocabularyTokenizer

Combine = Literal["concat", "add"]


@attrs.frozen(kw_only=True)
class FourierPositions:
    """Fourier features of a cell's place, from -1 to 1 along each axis."""

    bands: int = option(validator=positive, doc="frequencies of each axis, linear from 1 to half the resolution")
    resolution: tuple[int, ...] | None = option(default=None, validator=positive, doc="along each axis; default that of the grid")
    raw: bool = option(default=True, doc="whether the place itself is part of the features")
    ends: Literal["both", "first"] = option(
        default="both", doc="whether the last cell is at 1, or a step before it as in the published sub-sampled decoding"
    )

    def width(self, grid: tuple[int, ...]) -> int:
        """Return the width of the features; SpecError where the resolution has other axes."""
        if self.resolution is not None and len(self.resolution) != len(grid):
            raise SpecError(
                f"`resolution` has {len(self.resolution)} axes, the grid {list(grid)} has {len(grid)}", field="fourier_positions"
            )
        return len(grid) * (2 * self.bands + self.raw)

    def build(self, grid: tuple[int, ...]) -> nn.Module:
        from .positions import FourierTable

        return FourierTable(grid, self.resolution or grid, self.bands, raw=self.raw, ends=self.ends)


@attrs.frozen(kw_only=True)
class LearnedPositions:
    """A learned vector for each cell."""

    width: int = option(validator=positive, doc="of the vectors")
    project: int | None = option(default=None, validator=positive, doc="width of a linear map of them; null for none")

    def build(self, grid: tuple[int, ...]) -> nn.Module:
        from .positions import LearnedTable

        return LearnedTable(math.prod(grid), self.width, self.project)


@attrs.frozen(kw_only=True)
class Placed:
    """The options that tokenizers with positions share: at most one sort of them, beside the values or added."""

    fourier_positions: FourierPositions | None = option(default=None, doc="fixed features of a token's place")
    learned_positions: LearnedPositions | None = option(default=None, doc="a learned vector for each place")
    combine: Combine = option(default="concat", doc="whether positions stand beside the values or are added")

    def __attrs_post_init__(self) -> None:
        if self.fourier_positions is not None and self.learned_positions is not None:
            raise SpecError("positions are Fourier features or learned, not both", field="learned_positions", hint="remove one")

    def placed_width(self, width: int, grid: tuple[int, ...]) -> int:
        """Return the width of values with their positions."""
        if self.fourier_positions is not None:
            added = self.fourier_positions.width(grid)
        elif self.learned_positions is not None:
            added = self.learned_positions.project or self.learned_positions.width
        else:
            return width
        if self.combine == "concat":
            return width + added
        if added != width:
            raise SpecError(f"values of width {width} and positions of width {added} cannot be added", field="combine")
        return width

    def place(self, grid: tuple[int, ...]) -> nn.Module:
        """(B, N, W) values -> (B, N, placed width)."""
        from torch import nn

        from .positions import Place

        table = self.fourier_positions or self.learned_positions
        return nn.Identity() if table is None else Place(table.build(grid), self.combine)


@component("tokenizer", "array_patches")
@attrs.frozen(kw_only=True)
class ArrayPatches(Placed):
    """An array of any number of axes cut into patches: pixels, sound, video, frame pairs; each patch is a token.

    An axis that a single patch spans is no axis of the grid: both frames of a flow pair make one picture.
    """

    patch: tuple[int, ...] = option(validator=positive, doc="size along each axis but the channels, which come first if any")
    width: int | None = option(default=None, validator=positive, doc="of a linear map of each patch; null keeps its values")
    surroundings: int = option(
        default=0, validator=at_least(0), doc="neighbours on each side along the last two axes that become channels first"
    )

    def outputs(self, inputs: Group) -> Stream:
        channels, sizes = self._sizes(inputs)
        for size, step in zip(sizes, self.patch, strict=True):
            if size % step:
                raise SpecError(f"{size} cannot be cut into {step}", field="patch", hint="choose a divisor")
        if self.surroundings and len(sizes) < 2:
            raise SpecError("surroundings need two axes", field="surroundings", hint="remove it")
        grid = tuple(cells for cells in self._cells(sizes) if cells > 1) or (1,)
        return Stream("patches", self.placed_width(self.width or self._values(channels), grid), grid)

    def build(self, inputs: Group) -> ArrayPatchTokenizer:
        from .tokenizers import ArrayPatchTokenizer

        channels, sizes = self._sizes(inputs)
        value = only(inputs)
        grid = self.outputs(inputs).grid
        return ArrayPatchTokenizer(
            self.patch,
            self._cells(sizes),
            grid,
            self._values(channels),
            self.place(grid),
            width=self.width,
            surroundings=self.surroundings,
            has_channels=len(value.dims) > len(sizes),
        )

    def _sizes(self, inputs: Group) -> tuple[int, tuple[int, ...]]:
        """Channels, and the sizes of the axes that are cut."""
        value = only(inputs)
        axes = len(self.patch)
        if len(value.dims) not in (axes, axes + 1):
            raise SpecError(
                f"patches of {axes} axes cannot be cut from {list(value.dims)}",
                field="patch",
                hint="give a size for every axis, without the channels",
            )
        return (1, value.dims) if len(value.dims) == axes else (value.dims[0], value.dims[1:])

    def _cells(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Patches along every axis."""
        return tuple(size // step for size, step in zip(sizes, self.patch, strict=True))

    def _values(self, channels: int) -> int:
        return channels * math.prod(self.patch) * (2 * self.surroundings + 1) ** 2


@component("tokenizer", "conv_stem")
@attrs.frozen(kw_only=True)
class ConvStem(Placed):
    """Pictures through a 7x7 convolution of stride 2, batch norm, ReLU and a 3x3 maximum of stride 2; each cell is a token."""

    width: int = option(default=64, validator=positive, doc="channels of the convolution")
    padding: Literal["same", "symmetric"] = option(
        default="same",
        doc="`same` pads as the authors' JAX does; `symmetric` the convolution by 3 and the maximum not, as transformers does",
    )

    def outputs(self, inputs: Group) -> Stream:
        value = one_shape(inputs, 3, "the stem needs pictures (channels, height, width)")
        if min(value.dims[1:]) < 5:
            raise SpecError(f"pictures of {list(value.dims[1:])} are too small for the stem", field="in")
        grid = tuple(self._cells(size) for size in value.dims[1:])
        return Stream("cells", self.placed_width(self.width, grid), grid)

    def build(self, inputs: Group) -> ConvTokenizer:
        from .tokenizers import ConvTokenizer

        grid = self.outputs(inputs).grid
        return ConvTokenizer(only(inputs).dims[0], self.width, grid, self.place(grid), same=self.padding == "same")

    def _cells(self, size: int) -> int:
        half = (size + 1) // 2
        return (half + 1) // 2 if self.padding == "same" else ((size - 1) // 2 + 1 - 3) // 2 + 1


@component("tokenizer", "vocabulary_embeddings")
@attrs.frozen(kw_only=True)
class VocabularyEmbeddings:
    """Numbers of a vocabulary (bytes, word pieces) as learned vectors, plus a learned position table."""

    vocabulary: int = option(validator=positive, doc="how many numbers there are; 256 bytes and 6 specials are 262")
    width: int = option(validator=positive, doc="of a token")
    padding: int | None = option(default=None, validator=at_least(0), doc="the number that fills up short texts: read by nobody")

    def outputs(self, inputs: Group) -> Stream:
        value = only(inputs)
        if not isinstance(value, Shape) or len(value.dims) != 1 or value.dtype != "int64":
            raise SpecError("embeddings need int64 numbers (tokens), one for each token", field="in")
        if self.padding is not None and self.padding >= self.vocabulary:
            raise SpecError(f"the vocabulary has no number {self.padding}", field="padding")
        return Stream("text", self.width, value.dims)

    def build(self, inputs: Group) -> VocabularyTokenizer:
        from .tokenizers import VocabularyTokenizer

        return VocabularyTokenizer(self.vocabulary, only(inputs).dims[0], self.width, self.padding)


@component("tokenizer", "label_token")
@attrs.frozen(kw_only=True)
class LabelToken:
    """A label as one token with a channel for each class: 1 for a class number's own, or shares as they are."""

    classes: int | None = option(default=None, validator=positive, doc="number of classes, where the data do not say")

    def outputs(self, inputs: Group) -> Stream:
        value = only(inputs)
        if not isinstance(value, Shape) or len(value.dims) > 1 or (value.dims == () and value.dtype != "int64"):
            raise SpecError(f"a label is one int64 class number or a vector of shares, not {list(value.dims)}", field="in")
        counted = value.dims[0] if value.dims else len(value.classes)
        if counted and self.classes not in (None, counted):
            raise SpecError(f"`classes` is {self.classes}, but the data have {counted}", field="classes", hint="leave it out")
        count = counted or self.classes
        if not count:
            raise SpecError("the data do not say how many classes there are", field="classes", hint="set `classes`")
        return Stream("label", count, (1,))

    def build(self, inputs: Group) -> LabelTokenizer:
        from .tokenizers import LabelTokenizer

        return LabelTokenizer(self.outputs(inputs).width)


@component("tokenizer", "entities")
@attrs.frozen(kw_only=True)
class Entities:
    """A set of things with features (entities, features): a linear map of each, without positions."""

    width: int = option(validator=positive, doc="of a token")
    exists: int | None = option(
        default=None, validator=at_least(0), doc="the feature that is above 0 where there is an entity; null if all exist"
    )

    def outputs(self, inputs: Group) -> Stream:
        value = one_shape(inputs, 2, "entities are (entities, features)")
        if self.exists is not None and self.exists >= value.dims[1]:
            raise SpecError(f"entities have {value.dims[1]} features, none is number {self.exists}", field="exists")
        return Stream("entities", self.width, value.dims[:1])

    def build(self, inputs: Group) -> EntityTokenizer:
        from .tokenizers import EntityTokenizer

        return EntityTokenizer(only(inputs).dims[1], self.width, self.exists)


@component("latents", "position_queries")
@attrs.frozen(kw_only=True)
class PositionQueries:
    """Queries that hold nothing but places of a grid: what a decoder is asked to fill in."""

    grid: tuple[int, ...] = option(validator=positive, doc="cells along each axis")
    fourier_positions: FourierPositions = option(doc="the features of a place")

    def outputs(self, inputs: Group) -> Stream:
        return Stream("queries", self.fourier_positions.width(self.grid), self.grid, latent=True)

    def build(self, inputs: Group) -> PositionTokens:
        from .tokenizers import PositionTokens

        return PositionTokens(self.grid, self.fourier_positions.build(self.grid))
