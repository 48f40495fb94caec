"""Mixtures of data sets."""

from antifaz.registry import hookimpl

from .spec import Mixture


@hookimpl
def antifaz_components() -> list[type]:
    return [Mixture]
