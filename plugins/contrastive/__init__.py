"""Contrastive learning: projection heads, InfoNCE, and retrieval as its measure."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import InfoNCE, Projection, Retrieval


@hookimpl
def antifaz_components() -> list[type]:
    return [InfoNCE, Projection, Retrieval]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
