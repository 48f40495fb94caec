"""Linear heads on every output, trained by the sum of their losses, measured one by one and together.

Source: *ours* for one head per output and the sum over heads (the Zorro paper's body was not available); Szegedy et al. 2016 (label
smoothing); Zhang et al. 2018 (mixup).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from antifaz.core.streams import Group, Shape, Value
from antifaz.registry import SpecError, between, component, option, positive, suggest

if TYPE_CHECKING:
    from .head import Heads
    from .loss import BinaryLoss, CategoricalLoss


@component("head", "linear_heads")
@attrs.frozen(kw_only=True)
class LinearHeads:
    """One linear classifier for each feature vector that arrives."""

    classes: int = option(validator=positive, doc="number of classes")
    dropout: float = option(default=0.0, validator=between(0, 1), doc="of the features")

    def outputs(self, inputs: Group) -> Value | Group:
        for name, value in inputs.items():
            if not isinstance(value, Shape) or len(value.dims) != 1:
                raise SpecError(f"{name!r} is no feature vector", field="in", hint="put a readout before the heads")
        out = {name: Shape((self.classes,)) for name in inputs}
        return out if len(out) > 1 else Shape((self.classes,))

    def build(self, inputs: Group) -> Heads:
        from .head import Heads

        return Heads({name: value.dims[0] for name, value in inputs.items()}, self.classes, self.dropout)


@component("objective", "cross_entropy", arguments=("logits", "target"))
@attrs.frozen(kw_only=True)
class CrossEntropy:
    """Cross-entropy of every head, added up; targets are class numbers or, after mixup, shares."""

    label_smoothing: float = option(default=0.0, validator=between(0, 1), doc="share of the target that is spread over all classes")

    def build(self, inputs: Mapping[str, Group]) -> CategoricalLoss:
        from .loss import CategoricalLoss

        classes, target = logits_and_target(inputs)
        if target.dims not in ((), (classes,)):
            raise SpecError(f"the target has shape {list(target.dims)}; class numbers have [], shares have [{classes}]")
        return CategoricalLoss(self.label_smoothing)


@component("objective", "binary_cross_entropy", arguments=("logits", "target"))
@attrs.frozen(kw_only=True)
class BinaryCrossEntropy:
    """Binary cross-entropy of every head and class, for samples that have any number of labels."""

    label_smoothing: float = option(default=0.0, validator=between(0, 1), doc="pulls targets towards one half")

    def build(self, inputs: Mapping[str, Group]) -> BinaryLoss:
        from .loss import BinaryLoss

        multi_hot(inputs)
        return BinaryLoss(self.label_smoothing)


@component("metric", "accuracy", arguments=("logits", "target"))
@attrs.frozen(kw_only=True)
class Accuracy:
    """Top-k accuracy in percent of every head, of named ensembles, and of the mean of all heads."""

    top: int = option(default=1, validator=positive, doc="a hit is a target among the k best")
    ensembles: Mapping[str, tuple[str, ...]] = option(factory=dict, doc="{name: [head]}: heads whose answers are averaged")
    average: Literal["probabilities", "logits"] = option(default="probabilities", doc="what an ensemble averages")

    def build(self, inputs: Mapping[str, Group]) -> Any:
        from .metrics import HeadAccuracy

        classes, _ = logits_and_target(inputs)
        if self.top > classes:
            raise SpecError(f"`top` is {self.top}, but there are {classes} classes", field="top")
        for name, heads in self.ensembles.items():
            for head in heads:
                if head not in inputs["logits"]:
                    raise SpecError(
                        f"unknown head {head!r}",
                        field=f"ensembles.{name}",
                        hint=suggest(head, list(inputs["logits"]), noun="heads"),
                    )
        return HeadAccuracy(self.top, self.ensembles, self.average)


@component("metric", "mean_average_precision", arguments=("logits", "target"))
@attrs.frozen(kw_only=True)
class MeanAveragePrecision:
    """Macro mean average precision in percent of every head and of their mean; classes without positives are left out."""

    def build(self, inputs: Mapping[str, Group]) -> Any:
        from .metrics import HeadAveragePrecision

        multi_hot(inputs)
        return HeadAveragePrecision()


@component("batch_transform", "mixup")
@attrs.frozen(kw_only=True)
class Mixup:
    """Mixes each sample with another of the batch; class numbers become shares."""

    alpha: float = option(default=0.2, validator=positive, doc="of the Beta distribution from which the share is drawn")
    probability: float = option(default=1.0, validator=between(0, 1), doc="of mixing a batch at all")
    target: str = option(default="label", doc="the entry that holds the target")
    classes: int | None = option(default=None, validator=positive, doc="number of classes, where the data do not say")

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        if self.target not in shapes:
            raise SpecError(
                f"there is no entry {self.target!r} to mix", field="target", hint=suggest(self.target, list(shapes), noun="entries")
            )
        return {**shapes, self.target: Shape((self._classes(shapes),), "float32", shapes[self.target].classes)}

    def build(self, shapes: Mapping[str, Shape]) -> Any:
        from .mixing import BatchMixup

        return BatchMixup(self.alpha, self.probability, self.target, self._classes(shapes))

    def _classes(self, shapes: Mapping[str, Shape]) -> int:
        target = shapes[self.target]
        count = target.dims[0] if target.dims else len(target.classes) or self.classes
        if not count:
            raise SpecError("the data do not say how many classes there are", field="classes", hint="set `classes`")
        return count


def logits_and_target(inputs: Mapping[str, Group]) -> tuple[int, Shape]:
    """The number of classes and the target; SpecError unless all logits have one width and there is one target."""
    widths = {name: value.dims[-1] if len(value.dims) == 1 else 0 for name, value in inputs["logits"].items()}
    if len(set(widths.values())) != 1 or 0 in widths.values():
        raise SpecError(f"`logits` must be vectors of one width, these are: {widths}", hint="put `linear_heads` before it")
    if len(inputs["target"]) != 1:
        raise SpecError(f"`target` is one entry, not {len(inputs['target'])}: {', '.join(inputs['target'])}")
    (target,) = inputs["target"].values()
    classes = next(iter(widths.values()))
    if not isinstance(target, Shape):
        raise SpecError("`target` cannot be tokens", hint="name an entry of the data, such as batch.label")
    if target.classes and len(target.classes) != classes:
        raise SpecError(
            f"the heads have {classes} classes, the target has {len(target.classes)}", hint=f"set `classes: {len(target.classes)}`"
        )
    return classes, target


def multi_hot(inputs: Mapping[str, Group]) -> None:
    """SpecError unless the target has one number for each class."""
    classes, target = logits_and_target(inputs)
    if target.dims != (classes,):
        raise SpecError(f"the target has shape {list(target.dims)}; one number for each of {classes} classes is needed")
