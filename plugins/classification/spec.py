"""Linear heads on every output, trained by the sum of their losses, measured one by one and together.

Source: *ours* for one head per output and the sum over heads (the Zorro paper's body was not available); Szegedy et al. 2016 (label
smoothing); Zhang et al. 2018 (mixup).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from antifaz.core.streams import Group, Shape, Value, only
from antifaz.layers.shapes import require_vectors
from antifaz.registry import SpecError, at_least, between, component, option, positive, suggest, zero_to_below_one

from .names import MEAN

if TYPE_CHECKING:
    from .head import LinearClassifiers
    from .loss import BinaryCrossEntropyLoss, CrossEntropyLoss
    from .metrics import HeadAccuracy, HeadAveragePrecision
    from .mixing import BatchMixup

SCORES = ("logits", "target")
"""The arguments of every objective and metric here: scores of classes, and what is right."""


@component("head", "linear_heads")
@attrs.frozen(kw_only=True)
class LinearHeads:
    """One linear classifier for each feature vector that arrives."""

    classes: int = option(validator=positive, doc="number of classes")
    dropout: float = option(default=0.0, validator=zero_to_below_one, doc="of the features")

    def outputs(self, inputs: Group) -> Value | Group:
        require_vectors(inputs, hint="put a readout before the heads")
        out = {name: Shape((self.classes,)) for name in inputs}
        return out if len(out) > 1 else Shape((self.classes,))

    def build(self, inputs: Group) -> LinearClassifiers:
        from .head import LinearClassifiers

        return LinearClassifiers({name: value.dims[0] for name, value in inputs.items()}, self.classes, self.dropout)


@component("objective", "cross_entropy", arguments=SCORES)
@attrs.frozen(kw_only=True)
class CrossEntropy:
    """Cross-entropy of every head, added up; targets are class numbers or, after mixup, shares.

    Logits may be those of several places of a sample (words of a sentence), (places, classes): a class number is held against each,
    and each place that has one counts alike.
    """

    class_scores: ClassVar[tuple[str, str]] = SCORES

    heads: tuple[str, ...] | None = option(default=None, doc="the heads that learn from it; null for all")
    label_smoothing: float = option(default=0.0, validator=between(0, 1), doc="share of the target that is spread over all classes")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        (*places, classes), target = logits_and_target(inputs, several_places=True)
        numbers = (target.dims, target.dtype) == (tuple(places), "int64")
        if not numbers and (places or target.dims != (classes,) or not is_float(target)):
            shares = "" if places else f", shares are float32 [{classes}]"
            raise SpecError(f"the target is {target.dtype} {list(target.dims)}; class numbers are int64 {places}{shares}")
        known_heads(self.heads, inputs["logits"], "heads")

    def build(self, inputs: Mapping[str, Group]) -> CrossEntropyLoss:
        from .loss import CrossEntropyLoss

        self.validate(inputs)
        return CrossEntropyLoss(self.heads, self.label_smoothing)


@component("objective", "binary_cross_entropy", arguments=SCORES)
@attrs.frozen(kw_only=True)
class BinaryCrossEntropy:
    """Binary cross-entropy of every head and class, for samples that have any number of labels."""

    class_scores: ClassVar[tuple[str, str]] = SCORES

    heads: tuple[str, ...] | None = option(default=None, doc="the heads that learn from it; null for all")
    label_smoothing: float = option(
        default=0.0, validator=between(0, 1), doc="s: targets become (1 - s) * target + s / classes, as in Scenic"
    )
    over_classes: Literal["mean", "sum"] = option(default="mean", doc="how the classes of a sample add up; Scenic sums")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        multi_hot(inputs)
        known_heads(self.heads, inputs["logits"], "heads")

    def build(self, inputs: Mapping[str, Group]) -> BinaryCrossEntropyLoss:
        from .loss import BinaryCrossEntropyLoss

        self.validate(inputs)
        return BinaryCrossEntropyLoss(self.heads, self.label_smoothing, self.over_classes)


@component("metric", "accuracy", arguments=SCORES)
@attrs.frozen(kw_only=True)
class Accuracy:
    """Top-k accuracy in percent of every head, of named ensembles, and of the mean of all heads."""

    class_scores: ClassVar[tuple[str, str]] = SCORES

    top: tuple[int, ...] = option(default=(1,), validator=positive, doc="the k: a hit is a target among the k best")
    ensembles: Mapping[str, tuple[str, ...]] = option(factory=dict, doc="{name: [head]}: heads whose answers are averaged")
    average: Literal["probabilities", "logits"] = option(default="probabilities", doc="what an ensemble averages")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        (classes,), target = logits_and_target(inputs)
        if (target.dims, target.dtype) != ((), "int64"):
            raise SpecError(f"the target is {target.dtype} {list(target.dims)}; accuracy needs class numbers, int64 []")
        if max(self.top, default=1) > classes:
            raise SpecError(f"`top` is {max(self.top)}, but there are {classes} classes", field="top")
        known_ensembles(self.ensembles, inputs["logits"])

    def build(self, inputs: Mapping[str, Group]) -> HeadAccuracy:
        import torch

        from .metrics import HeadAccuracy

        self.validate(inputs)
        _, target = logits_and_target(inputs)
        activation = torch.nn.Softmax(dim=1) if self.average == "probabilities" else torch.nn.Identity()
        return HeadAccuracy(self.top, self.ensembles, activation, target.classes)


@component("metric", "mean_average_precision", arguments=SCORES)
@attrs.frozen(kw_only=True)
class MeanAveragePrecision:
    """Macro mAP in percent of every head, of named ensembles and of the mean of all; classes without positives are left out."""

    class_scores: ClassVar[tuple[str, str]] = SCORES

    ensembles: Mapping[str, tuple[str, ...]] = option(factory=dict, doc="{name: [head]}: heads whose answers are averaged")
    average: Literal["probabilities", "logits"] = option(default="probabilities", doc="what an ensemble averages")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        multi_hot(inputs)
        known_ensembles(self.ensembles, inputs["logits"])

    def build(self, inputs: Mapping[str, Group]) -> HeadAveragePrecision:
        import torch

        from .metrics import HeadAveragePrecision

        self.validate(inputs)
        activation = torch.nn.Sigmoid() if self.average == "probabilities" else torch.nn.Identity()
        return HeadAveragePrecision(self.ensembles, activation)


@component("batch_transform", "mixup")
@attrs.frozen(kw_only=True)
class Mixup:
    """Mixes each sample with another of the batch; class numbers become shares."""

    alpha: float = option(default=0.2, validator=positive, doc="of the Beta distribution from which the share is drawn")
    probability: float = option(default=1.0, validator=between(0, 1), doc="of mixing a batch at all")
    target: str = option(default="label", doc="the entry that holds the target")
    classes: int | None = option(default=None, validator=at_least(2), doc="number of classes, where the data do not say")
    keep: tuple[str, ...] = option(default=(), doc="entries that are left alone; those of whole numbers cannot be mixed")

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        self._check(shapes)
        target = shapes[self.target]
        dtype = target.dtype if is_float(target) else "float32"
        return {**shapes, self.target: Shape((self._classes(shapes),), dtype, target.classes)}

    def build(self, shapes: Mapping[str, Shape]) -> BatchMixup:
        from .mixing import BatchMixup

        self._check(shapes)
        return BatchMixup(self.alpha, self.probability, self.target, self._classes(shapes), self.keep)

    def _check(self, shapes: Mapping[str, Shape]) -> None:
        for field, names in (("target", (self.target,)), ("keep", self.keep)):
            for name in names:
                if name not in shapes:
                    hint = suggest(name, list(shapes), noun="entries")
                    raise SpecError(f"there is no entry {name!r} in the data", field=field, hint=hint)
        if self.target in self.keep:
            raise SpecError(f"the target {self.target!r} cannot be kept while samples are mixed", field="keep")
        target = shapes[self.target]
        if len(target.dims) != is_float(target):
            raise SpecError(
                f"the target {self.target!r} is {target.dtype} {list(target.dims)}; mixup takes class numbers or shares of classes",
                field="target",
            )
        fixed = [name for name, s in shapes.items() if not is_float(s) and name not in (self.target, *self.keep)]
        if fixed:
            raise SpecError(
                f"whole numbers cannot be mixed: {', '.join(fixed)}", field="keep", hint="list the entries to leave alone in `keep`"
            )

    def _classes(self, shapes: Mapping[str, Shape]) -> int:
        target = shapes[self.target]
        counted = target.dims[0] if target.dims else len(target.classes)
        if counted and self.classes not in (None, counted):
            raise SpecError(f"`classes` is {self.classes}, but the data have {counted}", field="classes", hint="leave it out")
        count = counted or self.classes
        if not count:
            raise SpecError("the data do not say how many classes there are", field="classes", hint="set `classes`")
        return count


def is_float(shape: Shape) -> bool:
    return shape.dtype.startswith(("float", "bfloat"))


def logits_and_target(inputs: Mapping[str, Group], *, several_places: bool = False) -> tuple[tuple[int, ...], Shape]:
    """The shape of logits, classes last, and the target; SpecError unless all logits have one shape and there is one target.

    several_places: logits may have axes before that of the classes.
    """
    shapes = {name: value.dims if isinstance(value, Shape) else () for name, value in inputs["logits"].items()}
    dims = next(iter(shapes.values()), ())
    if len(set(shapes.values())) != 1 or not dims or (len(dims) > 1 and not several_places):
        listing = {name: list(shape) for name, shape in shapes.items()}
        raise SpecError(f"`logits` must be vectors of one width, these are: {listing}", hint="put `linear_heads` before it")
    if len(inputs["target"]) != 1:
        raise SpecError(f"`target` must be one entry, not {len(inputs['target'])}: {', '.join(inputs['target'])}")
    target = only(inputs["target"])
    classes = dims[-1]
    if not isinstance(target, Shape):
        raise SpecError("`target` cannot be tokens", hint="name an entry of the data, such as batch.label")
    if target.classes and len(target.classes) != classes:
        raise SpecError(
            f"the heads have {classes} classes, the target has {len(target.classes)}",
            hint=f"set `classes: {len(target.classes)}`",
        )
    if target.vocab_size is not None and target.vocab_size > classes:
        raise SpecError(f"the logits are of {classes} classes, the target has numbers up to {target.vocab_size - 1}")
    return dims, target


def multi_hot(inputs: Mapping[str, Group]) -> None:
    """SpecError unless the target has one number for each class."""
    (classes,), target = logits_and_target(inputs)
    if target.dims != (classes,) or not is_float(target):
        raise SpecError(
            f"the target is {target.dtype} {list(target.dims)}; a float for each of {classes} classes is needed, 1 where it applies"
        )


def known_heads(names: tuple[str, ...] | None, logits: Group, field: str) -> None:
    """SpecError for a name that is not a head, or for a list without names."""
    if names is not None and not names:
        raise SpecError("no head is named", field=field, hint=f"known heads: {', '.join(sorted(logits))}")
    for name in names or ():
        if name not in logits:
            raise SpecError(f"unknown head {name!r}", field=field, hint=suggest(name, list(logits), noun="heads"))


def known_ensembles(ensembles: Mapping[str, tuple[str, ...]], logits: Group) -> None:
    """SpecError for an ensemble of unknown heads, or one whose name is taken."""
    for name, heads in ensembles.items():
        if name == MEAN or name in logits:
            taken = "the mean of all heads" if name == MEAN else "a head"
            raise SpecError(f"an ensemble cannot be called {name!r}: that is {taken}", field=f"ensembles.{name}")
        known_heads(heads, logits, f"ensembles.{name}")
