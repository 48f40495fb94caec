"""Mixtures of data sets."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import Mixture


@hookimpl
def antifaz_components() -> list[type]:
    return [Mixture]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
