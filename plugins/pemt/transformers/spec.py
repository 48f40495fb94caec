"""PEMT: a Transformer for each modality and one for all, which share their weights.

Source: Lee et al. 2021, "Parameter efficient multimodal transformers for video representation learning", and the authors' code
(avbert). Parameters of the three Transformers at the published size (6 layers, width 768, 12 heads, MLP 3072, rank 128):

| sharing | parameters | of `none` |
| --- | --- | --- |
| none | 127,581,696 | 100 % |
| layers | 21,263,616 | 16.7 % |
| layers_modalities | 7,087,872 | 5.6 % |
| low_rank_modalities | 23,063,040 | 18.1 % |
| low_rank | 3,843,840 | 3.0 % |

Low-rank maps have an orthogonal matrix of rank x rank for each modality, made of a skew one. It is counted as it is stored, in
the code as here: rank^2 numbers, of which those below the diagonal act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Stream, one_width
from antifaz.layers.shapes import mlp_width, require_heads
from antifaz.registry import SpecError, component, option, positive, zero_to_below_one

from .sharing import MULTIMODAL, Sharing

if TYPE_CHECKING:
    from .model import ParameterEfficientTransformers


@component("backbone", "pemt")
@attrs.frozen(kw_only=True)
class PEMT:
    """A post-norm Transformer for each modality and a multimodal one on top of them, which share weights in one of five ways."""

    depth: int = option(default=6, validator=positive, doc="layers of each Transformer")
    heads: int = option(default=12, validator=positive, doc="attention heads")
    mlp_ratio: float = option(default=4.0, validator=positive, doc="width of the MLP as a multiple of the stream's")
    sharing: Sharing = option(
        default="low_rank",
        doc="of the Transformers' weights: none, across layers, across layers and modalities, low-rank across modalities alone,"
        " or across layers and low-rank across modalities",
    )
    rank: int = option(default=128, validator=positive, doc="of the low-rank maps")
    fusion: Literal["early", "mid", "late"] = option(
        default="mid",
        doc="early: one multimodal Transformer on the tokens; mid: one on top of those of the modalities; late: those alone",
    )
    types: bool = option(default=True, doc="whether the multimodal Transformer learns a vector for each modality")
    dropout: float = option(default=0.1, validator=zero_to_below_one, doc="after attention, in the MLP, and of attention weights")
    attention: Literal["grouped", "dense"] = option(default="grouped", doc="how the routing becomes computation")

    def outputs(self, inputs: Group) -> Group:
        streams = _streams(inputs)
        width = one_width(streams)
        require_heads(self.heads, width)
        for name in streams:
            if name == MULTIMODAL or name.removeprefix(f"{MULTIMODAL}_") in set(streams) - {name}:
                hint = "write `in:` as a mapping that names it otherwise"
                raise SpecError(f"a stream called {name!r} clashes with the multimodal Transformer", field="in", hint=hint)
        return {output: attrs.evolve(streams[source], name=output) for output, source in self._sources(inputs).items()}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        alone = Routing.full({name: [name] for name in inputs})
        first = Routing.full({_fused(name): list(inputs) for name in inputs})
        later = Routing.full({_fused(name): [_fused(each) for each in inputs] for name in inputs})
        unimodal = (alone,) * self.depth
        multimodal = (first, *(later,) * (self.depth - 1))
        return {"early": multimodal, "mid": unimodal + multimodal, "late": unimodal}[self.fusion]

    def build(self, inputs: Group) -> ParameterEfficientTransformers:
        from .model import ParameterEfficientTransformers

        streams = _streams(inputs)
        width = next(iter(streams.values())).width
        return ParameterEfficientTransformers(
            {name: stream.grid for name, stream in streams.items()},
            width,
            depth=self.depth,
            heads=self.heads,
            hidden=mlp_width(width, self.mlp_ratio),
            sharing=self.sharing,
            rank=self.rank,
            fusion=self.fusion,
            types=self.types,
            dropout=self.dropout,
            lowering=self.attention,
        )

    def _sources(self, inputs: Group) -> dict[str, str]:
        """output -> the stream whose tokens it continues."""
        alone = {} if self.fusion == "early" else {name: name for name in inputs}
        together = {} if self.fusion == "late" else {_fused(name): name for name in inputs}
        return alone | together


def _fused(name: str) -> str:
    return f"{MULTIMODAL}_{name}"


def _streams(inputs: Group) -> Mapping[str, Stream]:
    return {name: value for name, value in inputs.items() if isinstance(value, Stream)}
