"""Objectives on the first samples of their data, and metrics on random values: what they return is held against their contract."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from antifaz.core.errors import ComponentError, RunError
from antifaz.core.experiment import EvaluateStage, Experiment, MetricEntry, Sink, TrainStage
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.contract import as_problem
from antifaz.engine.contract.failures import metric_places, naming_nodes, objective_places
from antifaz.engine.contract.results import require_figures, require_losses
from antifaz.engine.training.model import TrainingModel
from antifaz.registry import Problem

SMALL = 20 * 10**9
"""FLOPs of the passes that `check` spends on the samples of a stage: a second or two on a CPU."""

SMALL_MODEL = 50 * 10**6
"""Parameters that `check` is ready to draw for them."""

SAMPLES = 4
"""Samples of random values that a metric is tried on."""

MANY_VALUES = 10**7
"""Values of a sample beyond which a metric is not tried."""


def rehearse_objectives(experiment: Experiment, name: str, stage: TrainStage, entries: Mapping[str, Features]) -> list[Problem]:
    """Compute the objectives of a training stage, with fresh weights, on a small batch of its data; each fault is a problem.

    entries: the batch, as the stage's transforms leave it.
    """
    wiring, places = experiment.wirings[name], objective_places(experiment, name)
    size = len(next(iter(entries.values())).values)
    with seeded(0):
        model = TrainingModel(build_graph(wiring, seed=experiment.header.seed), experiment.sinks[name])
        model.train_except(stage.freeze)
        try:
            with naming_nodes(wiring, f"in stage {name!r}, on the first {size} samples of data.{stage.data}", places):
                losses = model(entries)
            require_losses(losses, model.sinks, places)
        except ComponentError as error:
            return [as_problem(error, experiment.document.location(("stages", name)))]
        except RunError as error:
            return [Problem(error.message, experiment.document.location(("stages", name)), error.hint)]
    return []


def metric_problems(experiment: Experiment) -> list[Problem]:
    """Compute every metric on random values in the declared shapes, and report those that return anything but named numbers.

    One that raises there is left to the evaluation: random values may lack what it needs, such as a sample of each class.
    """
    problems = []
    for name, stage in experiment.stages.items():
        if not isinstance(stage, EvaluateStage):
            continue
        locate = metric_places(experiment, name)
        for key, sink in experiment.sinks[name].items():
            arguments = _random_arguments(sink)
            try:
                with seeded(0):
                    figures: Any = None if arguments is None else sink.entry.spec.build(sink.groups)(**arguments)
            except Exception:
                continue
            if arguments is None:
                continue
            try:
                require_figures(figures, sink, name, locate(key))
            except ComponentError as error:
                problems.append(as_problem(error))
    return problems


def _random_arguments(sink: Sink[MetricEntry]) -> dict[str, dict[str, Features]] | None:
    """Draw what a metric takes; None where it takes tokens, or very much."""
    groups: dict[str, dict[str, Shape]] = {}
    for argument, group in sink.groups.items():
        groups[argument] = {name: value for name, value in group.items() if isinstance(value, Shape)}
        if len(groups[argument]) < len(group) or sum(math.prod(v.dims) for v in groups[argument].values()) > MANY_VALUES:
            return None
    return {argument: fake_batch(shapes, SAMPLES) for argument, shapes in groups.items()}
