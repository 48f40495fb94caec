"""Courses of the learning rate: half a cosine, its first quarter, and a constant, each after a linear warm-up."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .constant import Constant
from .cosine import Cosine
from .quarter_cosine import QuarterCosine


@hookimpl
def antifaz_components() -> list[type]:
    return [Constant, Cosine, QuarterCosine]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
