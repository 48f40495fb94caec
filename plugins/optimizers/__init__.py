"""Optimizers of torch: AdamW, and SGD with momentum."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .adamw import AdamW
from .sgd import SGD


@hookimpl
def antifaz_components() -> list[type]:
    return [AdamW, SGD]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
