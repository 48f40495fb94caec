"""Video: frames from files, augmentation, tubelets."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import ColorJitter, Flip, Frames, RandomCrop, Tubelets


@hookimpl
def antifaz_components() -> list[type]:
    return [ColorJitter, Flip, Frames, RandomCrop, Tubelets]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
