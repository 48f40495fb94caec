"""Attention bottlenecks: streams that meet only in a few shared tokens, from a chosen layer on."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import Bottleneck


@hookimpl
def antifaz_components() -> list[type]:
    return [Bottleneck]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
