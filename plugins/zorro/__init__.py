"""Zorro: its mask, its fusion tokens and its readout."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import Latents, QueryReadout, ZorroMask


@hookimpl
def antifaz_components() -> list[type]:
    return [Latents, QueryReadout, ZorroMask]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
