"""TensorBoard: the figures of a run as event files."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import TensorBoard


@hookimpl
def antifaz_components() -> list[type]:
    return [TensorBoard]


@hookimpl
def antifaz_examples() -> list[Example]:
    return [Example("logger", "tensorboard")]
