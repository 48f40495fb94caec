"""A user's own folder of media files."""

from antifaz.registry import hookimpl

from .spec import Folder


@hookimpl
def antifaz_components() -> list[type]:
    return [Folder]
