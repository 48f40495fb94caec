"""Mask policies without a paper: joint, isolated, and routes written out."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import Isolated, Joint, Routes


@hookimpl
def antifaz_components() -> list[type]:
    return [Isolated, Joint, Routes]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
