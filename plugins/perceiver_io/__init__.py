"""Perceiver IO: latents that read any input, output queries that read the latents."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .backbone.spec import ModalityPadding, Perceiver, PerceiverDecoder
from .front_ends.spec import ArrayPatches, ConvStem, Entities, LabelToken, PositionQueries, VocabularyEmbeddings
from .outputs.spec import BlendTiles, CutTiles, TokenValues, VocabularyLogits
from .weights.spec import TransformersPerceiver


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
