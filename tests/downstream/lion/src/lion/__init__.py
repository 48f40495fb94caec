"""Lion: an optimizer, a logger and a callback for Antifaz."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .callback import WeightNorms
from .logger import CsvLog
from .optimizer import Lion


@hookimpl
def antifaz_components() -> list[type]:
    return [CsvLog, Lion, WeightNorms]


@hookimpl
def antifaz_examples() -> list[Example]:
    return [
        Example("optimizer", "{use: lion, lr: 0.01}"),
        Example("logger", "csv_log"),
        Example("callback", "{use: weight_norms, every: 2}"),
    ]
