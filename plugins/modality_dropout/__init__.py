"""Modality dropout."""

from antifaz.registry import hookimpl

from .spec import ModalityDropout


@hookimpl
def antifaz_components() -> list[type]:
    return [ModalityDropout]
