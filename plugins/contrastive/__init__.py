"""Contrastive learning: projection heads, InfoNCE, NCE with several candidates, and retrieval as their measure."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import MILNCE, InfoNCE, Projection, Retrieval


@hookimpl
def antifaz_components() -> list[type]:
    return [InfoNCE, MILNCE, Projection, Retrieval]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
