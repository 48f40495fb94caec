"""Metrics on random values, before anything is trained: what they return is held against their contract."""

from __future__ import annotations

import math
from typing import Any

from antifaz.core.errors import ComponentError
from antifaz.core.experiment import EvaluateStage, Experiment, MetricEntry, Sink, TrainStage, validation_of
from antifaz.core.graph.loading import fake_batch
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.contract import as_problem
from antifaz.registry import KeyPath, Problem

from .failures import metric_places
from .results import require_figures

SAMPLES = 4
"""Samples of random values that a metric is tried on."""

MANY_VALUES = 10**7
"""Values of a sample beyond which a metric is not tried."""


def metric_problems(experiment: Experiment) -> list[Problem]:
    """Compute every metric on random values in the declared shapes, and report those that return anything but named numbers.

    One that raises there is left to the evaluation: random values may lack what it needs, such as a sample of each class.
    """
    problems = []
    for name, (at, sinks) in _evaluations(experiment).items():
        locate = metric_places(experiment, at)
        for key, sink in sinks.items():
            if (arguments := _random_arguments(sink)) is None:
                continue
            try:
                with seeded(0):
                    figures: Any = sink.entry.spec.build(sink.groups)(**arguments)
            except Exception:
                continue
            try:
                require_figures(figures, sink, name, locate(key))
            except ComponentError as error:
                problems.append(as_problem(error))
    return problems


def _evaluations(experiment: Experiment) -> dict[str, tuple[KeyPath, dict[str, Sink[MetricEntry]]]]:
    """Return where the config has the metrics of each stage that measures, or is validated while it trains, and their sinks."""
    found: dict[str, tuple[KeyPath, dict[str, Sink[MetricEntry]]]] = {}
    for name, stage in experiment.stages.items():
        if isinstance(stage, EvaluateStage):
            found[name] = (("stages", name), dict(experiment.sinks[name]))
        elif isinstance(stage, TrainStage) and stage.validation is not None:
            found[name] = (("stages", name, "validation"), dict(experiment.sinks[validation_of(name)]))
    return found


def _random_arguments(sink: Sink[MetricEntry]) -> dict[str, dict[str, Features]] | None:
    """Draw what a metric takes; None where it takes tokens, or very much."""
    groups: dict[str, dict[str, Shape]] = {}
    for argument, group in sink.groups.items():
        groups[argument] = {name: value for name, value in group.items() if isinstance(value, Shape)}
        if len(groups[argument]) < len(group) or sum(math.prod(v.dims) for v in groups[argument].values()) > MANY_VALUES:
            return None
    return {argument: fake_batch(shapes, SAMPLES) for argument, shapes in groups.items()}
