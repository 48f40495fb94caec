"""The Hierarchical Perceiver, stock and as a Zorro backbone, with points in and out and masked auto-encoding."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .masking_spec import MaskedError, MaskPoints
from .points_spec import PointQueries, Points, PointValues
from .spec import HiP


@hookimpl
def antifaz_components() -> list[type]:
    return [HiP, MaskedError, MaskPoints, PointQueries, Points, PointValues]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
