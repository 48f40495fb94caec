"""Readouts without parameters."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import MeanReadout


@hookimpl
def antifaz_components() -> list[type]:
    return [MeanReadout]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
