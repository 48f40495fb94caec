"""Perceiver IO: latents that read any input, output queries that read the latents."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .front_ends import ArrayPatches, ConvStem, Entities, LabelToken, PositionQueries, VocabularyEmbeddings
from .outputs import BlendTiles, CutTiles, TokenValues, VocabularyLogits
from .spec import ModalityPadding, Perceiver, PerceiverDecoder
from .weights_spec import TransformersPerceiver


@hookimpl
def antifaz_components() -> list[type]:
    return [
        ArrayPatches,
        BlendTiles,
        ConvStem,
        CutTiles,
        Entities,
        LabelToken,
        ModalityPadding,
        Perceiver,
        PerceiverDecoder,
        PositionQueries,
        VocabularyEmbeddings,
        TokenValues,
        TransformersPerceiver,
        VocabularyLogits,
    ]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
