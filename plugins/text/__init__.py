"""Text: sentences as ids of bytes, words or subwords, several for a sample, and the embedding that makes tokens of ids."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .masking.spec import MaskTokens
from .spec import Bytes, Subwords, TokenEmbedding, Words


@hookimpl
def antifaz_components() -> list[type]:
    return [Bytes, Words, Subwords, TokenEmbedding, MaskTokens]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
