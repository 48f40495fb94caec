"""Swin, in two and three dimensions, alone and as Zorro-Swin."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import Swin
from .weights.spec import TorchvisionSwin


@hookimpl
def antifaz_components() -> list[type]:
    return [Swin, TorchvisionSwin]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
