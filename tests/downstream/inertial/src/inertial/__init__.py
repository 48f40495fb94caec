"""Inertial: what it brings to Antifaz."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .dataset import InertialDataset
from .tokenizer import InertialTokenizer


@hookimpl
def antifaz_components() -> list[type]:
    return [InertialDataset, InertialTokenizer]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
