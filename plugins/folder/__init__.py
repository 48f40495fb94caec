"""A user's own folder of media files."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import Folder


@hookimpl
def antifaz_components() -> list[type]:
    return [Folder]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
