"""Reconstruction: errors between arrays, of everything or of what was blanked, and PSNR."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .masking.spec import MaskedError, MaskPoints
from .spec import PSNR, Reconstruction


@hookimpl
def antifaz_components() -> list[type]:
    return [MaskedError, MaskPoints, PSNR, Reconstruction]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
