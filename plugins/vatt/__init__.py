"""VATT: DropToken and the hierarchical common space."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import CommonSpace, DropToken


@hookimpl
def antifaz_components() -> list[type]:
    return [DropToken, CommonSpace]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
