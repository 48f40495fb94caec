"""Projection heads, symmetric InfoNCE, NCE with one or several partners, retrieval.

Source: van den Oord et al. 2018 (InfoNCE); Radford et al. 2021 (symmetric form, learned temperature); Miech et al. 2020 (MIL-NCE).
The head is *ours*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from antifaz.core.streams import Group, Shape, Value, only
from antifaz.layers.shapes import require_vectors
from antifaz.registry import SpecError, component, option, positive

from .sizes import MAX_SCALE

if TYPE_CHECKING:
    from .head import ProjectionHead
    from .info_nce import SymmetricInfoNCE
    from .mil_nce import MultipleInstanceNCE
    from .retrieval import PairRetrieval


@component("head", "projection")
@attrs.frozen(kw_only=True)
class Projection:
    """Maps features into a shared space: one linear map, or two with a hidden layer; each input has weights of its own."""

    width: int = option(validator=positive, doc="of the embedding")
    hidden: int | None = option(default=None, validator=positive, doc="width of a hidden layer with GELU; null for none")
    norm: Literal["layer", "batch", "none"] = option(
        default="layer", doc="of the hidden layer; `batch` counts the valid samples of all processes"
    )

    def outputs(self, inputs: Group) -> Value | Group:
        if self.hidden is None and self.norm != "layer":
            raise SpecError(f"`norm: {self.norm}` has no hidden layer to normalise", field="norm", hint="set `hidden` too")
        require_vectors(inputs, hint="put a readout before the projection")
        out = {name: Shape((self.width,)) for name in inputs}
        return out if len(out) > 1 else Shape((self.width,))

    def build(self, inputs: Group) -> ProjectionHead:
        from .head import ProjectionHead

        return ProjectionHead({name: value.dims[0] for name, value in inputs.items()}, self.width, self.hidden, self.norm)


@component("objective", "info_nce", arguments=("left", "right"))
@attrs.frozen(kw_only=True)
class InfoNCE:
    """Symmetric InfoNCE between two embeddings of the same samples, over the global batch and over the pairs that exist."""

    needs_whole_batch: ClassVar[bool] = True

    temperature: float = option(default=0.1, validator=positive, doc="of the cosine similarities; the first value if it is learned")
    learned: bool = option(default=False, doc="whether the temperature is a parameter (its inverse at most 100)")
    stop_gradient: Literal["none", "left", "right"] = option(default="none", doc="the side that does not learn from this term")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        embedding_pair(inputs)
        if self.learned and self.temperature < 1 / MAX_SCALE:
            raise SpecError(
                f"a learned temperature is kept at {1 / MAX_SCALE:g} or more, and this one starts at {self.temperature:g}",
                field="temperature",
                hint="raise it, or set `learned: false`",
            )

    def build(self, inputs: Mapping[str, Group]) -> SymmetricInfoNCE:
        from .info_nce import SymmetricInfoNCE

        self.validate(inputs)
        return SymmetricInfoNCE(self.temperature, learned=self.learned, stop_gradient=self.stop_gradient)


@component("objective", "mil_nce", arguments=("anchor", "candidates"))
@attrs.frozen(kw_only=True)
class MILNCE:
    """NCE in one sum over both directions, with one partner of each sample or several of which some may be wrong (MIL-NCE).

    Candidates are (candidates, width) for each sample, or a single vector: then it is NCE as in VATT. Candidates may be absent one
    by one; samples that have none do not count.
    """

    needs_whole_batch: ClassVar[bool] = True

    temperature: float = option(default=0.07, validator=positive, doc="of the cosine similarities")
    positives_twice: bool = option(
        default=False, doc="count the positives once for each direction in the denominator, as VATT's released code does"
    )

    def validate(self, inputs: Mapping[str, Group]) -> None:
        embedding_pair(inputs, several=("candidates",))

    def build(self, inputs: Mapping[str, Group]) -> MultipleInstanceNCE:
        from .mil_nce import MultipleInstanceNCE

        self.validate(inputs)
        return MultipleInstanceNCE(self.temperature, positives_twice=self.positives_twice)


@component("metric", "retrieval", arguments=("query", "gallery"))
@attrs.frozen(kw_only=True)
class Retrieval:
    """R@k and median rank of the partner, both ways, by cosine similarity, among the pairs that exist."""

    k: tuple[int, ...] = option(default=(1, 5, 10), validator=positive, doc="the k of R@k")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        embedding_pair(inputs)

    def build(self, inputs: Mapping[str, Group]) -> PairRetrieval:
        from .retrieval import PairRetrieval

        self.validate(inputs)
        return PairRetrieval(self.k)


def embedding_pair(inputs: Mapping[str, Group], several: Collection[str] = ()) -> None:
    """Raise SpecError unless both arguments are one vector per sample, of one width.

    several: arguments that may have more: (candidates, width).
    """
    widths = {}
    for argument, group in inputs.items():
        if len(group) != 1:
            raise SpecError(
                f"`{argument}` must be one embedding, not {len(group)}: {', '.join(group)}", hint="name one output: NODE.OUTPUT"
            )
        value = only(group)
        axes = (1, 2) if argument in several else (1,)
        if not isinstance(value, Shape) or len(value.dims) not in axes:
            raise SpecError(f"`{argument}` must be a vector per sample, not {list(value.dims)}", hint="put a projection before it")
        widths[argument] = value.dims[-1]
    if len(set(widths.values())) > 1:
        listing = ", ".join(f"{argument} {width}" for argument, width in widths.items())
        raise SpecError(f"the embeddings differ in width: {listing}", hint="give both projections the same `width`")
