"""The embedded data set, with ceilings known by construction."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import ShapesAndSounds


@hookimpl
def antifaz_components() -> list[type]:
    return [ShapesAndSounds]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
