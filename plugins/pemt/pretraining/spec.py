"""Pre-training: predicting hidden pieces among negatives chosen by content, and telling true pairs from exchanged ones.

Source: Lee et al. 2021. Masked embedding prediction is the objective `masked_prediction`. Correct pair prediction is made of parts:
`mismatch` exchanges one modality between samples and says where, `pair_readout` makes one vector, and a linear head under
`cross_entropy` decides. How content becomes a probability, and the number of negatives, are *ours*: see negatives.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from antifaz.core.streams import Group, Shape, only
from antifaz.registry import SpecError, above_zero_to_one, between, component, option, positive, suggest

if TYPE_CHECKING:
    from .masked_prediction import MaskedEmbeddingPrediction
    from .mismatch import MismatchedPairs

CLASSES = ("mismatched", "matched")


@component("objective", "masked_prediction", arguments=("output", "embedding", "hidden"))
@attrs.frozen(kw_only=True)
class MaskedPrediction:
    """InfoNCE at hidden pieces: which of the batch's pieces stood there, by exp(FFN(output) . W embedding)."""

    needs_whole_batch: ClassVar[bool] = True

    content: Literal["off", "similar", "dissimilar"] = option(
        default="off", doc="which negatives are likelier: off: all alike; similar, dissimilar: by their distance from the answer"
    )
    negatives: int | None = option(
        default=None, validator=positive, doc="drawn for each hidden piece, without repetition; null for all there are"
    )
    interval: float = option(
        default=0.95,
        validator=above_zero_to_one,
        doc="middle share of the distances that is kept where content counts; where that leaves none, all candidates are alike",
    )
    width: int | None = option(default=None, validator=positive, doc="of the space of comparison; default that of the output")
    temperature: float = option(default=1.0, validator=positive, doc="divides the scores")

    @property
    def draws_randomly(self) -> bool:
        """Each process draws its own negatives, where it does not take all."""
        return self.negatives is not None

    def __attrs_post_init__(self) -> None:
        if self.content != "off" and self.negatives is None:
            hint = "set `negatives`, or `content: off`"
            raise SpecError("content decides which negatives are drawn, but all are taken", field="negatives", hint=hint)

    def validate(self, inputs: Mapping[str, Group]) -> None:
        (pieces, _), (others, _), (hidden,) = (self._dims(inputs, name, axes) for name, axes in ARGUMENTS)
        if not pieces == others == hidden:
            raise SpecError(f"the sequences differ in length: output {pieces}, embedding {others}, hidden {hidden}", field="in")

    def build(self, inputs: Mapping[str, Group]) -> MaskedEmbeddingPrediction:
        from .masked_prediction import MaskedEmbeddingPrediction

        self.validate(inputs)
        size, width = (self._dims(inputs, name, 2)[1] for name in ("output", "embedding"))
        return MaskedEmbeddingPrediction(
            size,
            width,
            self.width or size,
            content=self.content,
            negatives=self.negatives,
            interval=self.interval,
            temperature=self.temperature,
        )

    @staticmethod
    def _dims(inputs: Mapping[str, Group], argument: str, axes: int) -> tuple[int, ...]:
        group = inputs[argument]
        if len(group) != 1:
            raise SpecError(
                f"`{argument}` must be one sequence, not {len(group)}: {', '.join(group)}", hint="name one: NODE.OUTPUT"
            )
        value = only(group)
        if not isinstance(value, Shape) or len(value.dims) != axes:
            what = "vectors (pieces, width)" if axes == 2 else "marks (pieces)"
            raise SpecError(f"`{argument}` must be {what}, not {list(value.dims)}", hint="put `piece_readout` before tokens")
        return value.dims


ARGUMENTS = (("output", 2), ("embedding", 2), ("hidden", 1))


@component("batch_transform", "mismatch")
@attrs.frozen(kw_only=True)
class Mismatch:
    """Exchanges one modality among random samples of a training batch; the new entry says which samples still match.

    Each process exchanges within its own batch. Where only one sample there has both modalities, nothing can be exchanged; the new
    entry is then absent, since a batch without false pairs would teach that all pairs are true.
    """

    exchange: str = option(doc="the modality that is exchanged")
    against: str = option(doc="the modality that it belongs to; only samples that have both take part")
    share: float = option(default=0.5, validator=between(0, 1), doc="of those samples that are exchanged, at least two; 0 for none")
    name: str = option(default="matched", doc="of the new entry: class 1 where they belong together, 0 where not")

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        for field in ("exchange", "against"):
            entry = getattr(self, field)
            if entry not in shapes:
                raise SpecError(f"there is no entry {entry!r}", field=field, hint=suggest(entry, list(shapes), noun="entries"))
        if self.exchange == self.against:
            raise SpecError(f"{self.exchange!r} cannot be held against itself", field="against")
        if self.name in shapes:
            raise SpecError(f"the data have an entry {self.name!r} already", field="name", hint="choose another name")
        return {**shapes, self.name: Shape((), "int64", CLASSES)}

    def build(self, shapes: Mapping[str, Shape]) -> MismatchedPairs:
        from .mismatch import MismatchedPairs

        self.shapes({name: shape for name, shape in shapes.items() if name != self.name})
        return MismatchedPairs(self.exchange, self.against, self.share, self.name)
