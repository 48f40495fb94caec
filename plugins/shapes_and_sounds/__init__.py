"""The embedded data set, with ceilings known by construction."""

from antifaz.registry import hookimpl

from .spec import ShapesAndSounds


@hookimpl
def antifaz_components() -> list[type]:
    return [ShapesAndSounds]
