"""Classification: linear heads, their losses and measures, mixup."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import Accuracy, BinaryCrossEntropy, CrossEntropy, LinearHeads, MeanAveragePrecision, Mixup


@hookimpl
def antifaz_components() -> list[type]:
    return [Accuracy, BinaryCrossEntropy, CrossEntropy, LinearHeads, MeanAveragePrecision, Mixup]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
