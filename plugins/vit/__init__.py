"""The vision transformer as a backbone for any set of streams."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import ViT
from .weights.spec import TimmViT, TorchvisionViT


@hookimpl
def antifaz_components() -> list[type]:
    return [ViT, TorchvisionViT, TimmViT]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
