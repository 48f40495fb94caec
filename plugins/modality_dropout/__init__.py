"""Modality dropout."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import ModalityDropout


@hookimpl
def antifaz_components() -> list[type]:
    return [ModalityDropout]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
