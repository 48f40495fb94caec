"""The Hierarchical Perceiver, stock and as a Zorro backbone, with points in and out."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .points.spec import PointQueries, Points, PointValues
from .spec import HiP


@hookimpl
def antifaz_components() -> list[type]:
    return [HiP, PointQueries, Points, PointValues]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
