"""Training stages: the cost of a step, the parameters that do not train, objectives that cannot run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs

from antifaz.analysis.cost import StepCost, step_cost
from antifaz.core.errors import ComponentError, RunError
from antifaz.core.experiment import Experiment, TrainStage
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.interfaces import Callback, CallbackSpec
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.contract import as_problem, named, trace_of
from antifaz.engine.contract.failures import advice
from antifaz.engine.contract.results import require_losses, require_members, require_optimizer
from antifaz.engine.training.callbacks import CALLED
from antifaz.engine.training.capturing import captures_of, require_captures
from antifaz.engine.training.model import TrainingModel, is_frozen, trainable_parameters
from antifaz.engine.training.optimization import build_optimizer
from antifaz.engine.training.parameters import layer_factors, pattern_problems
from antifaz.registry import PLUGIN_FAULT_HINT, ConfigError, KeyPath, Problem, failure, with_lines

from .groups import GroupReport, report_groups
from .nodes import node_problems
from .rehearsal import SMALL, SMALL_MODEL, rehearse_objectives


@attrs.frozen
class StageReport:
    """A training stage.

    untrained: nodes and single parameters that get no gradient or are frozen. groups: of parameters, where the stage sets rates or
    decays for some of them. tried: how many samples of its data the objectives were computed on: 0 where the model is too large for
    that, or there is but one sample, and None where the data is not on this machine. They are always tried on shapes.
    """

    cost: StepCost
    untrained: tuple[str, ...]
    groups: tuple[GroupReport, ...]
    tried: int | None

    def json(self) -> dict[str, Any]:
        plain = {"untrained": list(self.untrained), "groups": [group.json() for group in self.groups], "tried": self.tried}
        return {**attrs.asdict(self.cost), **plain}


def report_stages(experiment: Experiment, batches: Mapping[str, Mapping[str, Features]]) -> dict[str, StageReport]:
    """Run a step of every training stage on the meta device, on the entries of its own data; and where it is small, its objectives
    on samples.

    batches: a small batch of each data set that is on this machine.
    Raises:
        ConfigError: for each stage that cannot run, the node or the objective that fails.
    """
    reports: dict[str, StageReport] = {}
    problems: list[Problem] = []
    for name, stage in experiment.stages.items():
        if isinstance(stage, TrainStage):
            model = TrainingModel(build_graph(experiment.wirings[name], device="meta"), experiment.sinks[name]).to("meta")
            shapes = experiment.data[stage.data].training_shapes()
            patterns = pattern_problems(experiment, name, stage, model)
            if refused := patterns or _optimization_problems(experiment, name, stage, model):
                problems += refused
                continue
            try:
                cost, untrained = _cost(experiment, stage, model, shapes), _untrained(model, stage, shapes)
                groups = report_groups(model, stage, shapes)
            except Exception as error:  # whatever a plugin's own code raises in training
                problems.append(_problem(experiment, name, model, shapes, error))
                continue
            tried = _samples_to_try(cost, model, batches[stage.data]) if stage.data in batches else None
            if tried:
                problems += rehearse_objectives(experiment, name, stage, batches[stage.data])
            reports[name] = StageReport(cost, untrained, groups, tried)
    if problems:
        raise ConfigError(problems)
    return reports


def _samples_to_try(cost: StepCost, model: TrainingModel, batch: Mapping[str, Features]) -> int:
    """Return how many samples a batch has, if a step on them takes a few seconds at most; else 0. One alone is no batch."""
    size = max((len(entry.values) for entry in batch.values()), default=0)
    parameters = sum(p.numel() for p in model.parameters())
    cheap = cost.flops * size <= SMALL * cost.batch_size and parameters <= SMALL_MODEL
    return size if size > 1 and cheap else 0


def _optimization_problems(experiment: Experiment, name: str, stage: TrainStage, model: TrainingModel) -> list[Problem]:
    """Build the optimizer on the meta device, ask the schedule for its first and last rate, and build the callbacks."""

    def build() -> None:
        weights, factors = model.named_weights(), layer_factors(model, stage.layer_decay)
        built = build_optimizer(weights, stage.optimizer, stage.lr_scale, stage.weight_decay, factors)
        require_optimizer(stage.optimizer, built, weights.values())
        if not isinstance(stage.optimizer.moments, int):
            raise TypeError("`moments` is not a whole number")

    def ask() -> None:
        for step in (0, stage.steps - 1):
            if not 0 <= (rate := stage.schedule.rate(step, stage.steps, stage.optimizer.lr)) < math.inf:
                raise ValueError(f"the rate of step {step} is {rate}")

    attempts: list[tuple[KeyPath, Any, Callable[[], Any]]] = [
        (("optimizer",), stage.optimizer, build),
        (("schedule",), stage.schedule, ask),
        *((("callbacks", i), e.spec, partial(_build_callback, e.spec, name, model)) for i, e in enumerate(stage.callbacks)),
    ]
    problems = []
    for key, spec, attempt in attempts:
        place = experiment.document.location(("stages", name, *key))
        try:
            attempt()
        except ComponentError as error:
            problems.append(as_problem(error, place))
        except RunError as error:
            problems.append(Problem(error.message, place, error.hint))
        except Exception as error:  # whatever a plugin's own code raises
            message = f"stage {name!r}: {named(spec)} fails: {failure(error, spec)}"
            problems.append(Problem(message, place, with_lines(error, spec, PLUGIN_FAULT_HINT), trace_of(error)))
    return problems


def _build_callback(spec: CallbackSpec, stage: str, model: TrainingModel) -> None:
    callback: Callback = require_members(spec, spec.build(), CALLED)
    wanted, _ = captures_of(spec, callback)
    require_captures(spec, stage, model, wanted)


def _cost(experiment: Experiment, stage: TrainStage, model: TrainingModel, shapes: Mapping[str, Shape]) -> StepCost:
    """Count the cost of all micro-batches of a step; a stage that is validated keeps its weights twice."""
    size = experiment.data[stage.data].batch_size // stage.accumulate
    cost = step_cost(model, fake_batch(shapes, max(1, size), "meta"), stage.optimizer.moments)
    validated = 0 if stage.validation is None else sum(p.numel() * p.element_size() for p in model.graph.parameters())
    return attrs.evolve(cost, batch_size=size * stage.accumulate, flops=cost.flops * stage.accumulate, state=cost.state + validated)


def _untrained(model: TrainingModel, stage: TrainStage, shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """List the nodes of which nothing trains, then single parameters of others."""
    reached = trainable_parameters(model, shapes)
    names = [name for name in model.named_weights() if not name.startswith("objectives.")]
    still = [name for name in names if name not in reached or is_frozen(name, stage.freeze)]
    trained = {name.partition(".")[0] for name in set(names) - set(still)}
    nodes = dict.fromkeys(name.partition(".")[0] for name in still if name.partition(".")[0] not in trained)
    return (*nodes, *(name for name in still if name.partition(".")[0] in trained))


def _problem(experiment: Experiment, stage: str, model: TrainingModel, shapes: Mapping[str, Shape], error: Exception) -> Problem:
    """Describe the failure of a stage at the first node that cannot run, or else at the first objective, or else at the stage."""
    batch = fake_batch(shapes, 2, "meta")
    prefix = f"stage {stage!r}: "
    return (
        next(iter(node_problems(model.graph, batch, prefix)), None)
        or _objective_problem(experiment, stage, model, batch)
        or Problem(
            f"{prefix}a training step cannot run: {failure(error, model)}",
            experiment.document.location(("stages", stage)),
            PLUGIN_FAULT_HINT,
            trace_of(error),
        )
    )


def _objective_problem(experiment: Experiment, stage: str, model: TrainingModel, batch: Mapping[str, Features]) -> Problem | None:
    """Describe the failure of the first objective that cannot run on what the graph returns."""
    values = {key: value for key, value in model.graph(batch, model.wanted).items() if isinstance(value, Features)}
    for (name, sink), objective in zip(model.sinks.items(), model.objectives, strict=True):
        place = experiment.document.location(("stages", stage, "objectives", name))
        try:
            loss = objective(**{argument: sink.pick(values, argument) for argument in sink.wires})
        except Exception as error:  # whatever a plugin's own code raises
            message = f"stage {stage!r}: {named(sink.entry.spec)} cannot run: {failure(error, objective)}"
            return Problem(message, place, with_lines(error, objective, advice(error, PLUGIN_FAULT_HINT)), trace_of(error))
        try:
            require_losses({name: loss}, model.sinks)
        except ComponentError as error:
            return as_problem(error, place)
    return None
