"""VATT: DropToken, the hierarchical common space, the FLOP convention of its tables."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import DropToken, HierarchicalSpace, PaperFlops


@hookimpl
def antifaz_components() -> list[type]:
    return [DropToken, HierarchicalSpace, PaperFlops]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
