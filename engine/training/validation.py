"""Validation: what is measured while a stage trains, the best weights by it, and the end of a stage that gets no better.

A graph of its own is measured, with the weights that the stage would leave if it ended now; the model that trains is not touched.
The checkpoint of a step is written before its evaluation, so that a run that was stopped in an evaluation begins it again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from antifaz.core import collectives
from antifaz.core.experiment import Evaluation, Experiment, TrainStage, validation_of
from antifaz.core.graph.module import Graph, build_graph
from antifaz.engine import checkpoints, parallel
from antifaz.engine.context import Context
from antifaz.engine.evaluate import Measured, label_of, label_of_metric, measure
from antifaz.engine.run_folder import VALIDATION
from antifaz.registry import ConfigError, Problem, SpecError, suggest

from .state import Best, StageState


class Validation:
    """The evaluations of a training stage; a stage without `validation` has none.

    Args:
        run, stage, state: whose they are.
    Raises:
        ConfigError: the data of the validation want a graph of other weights.
    """

    def __init__(self, run: Context, stage: TrainStage, state: StageState) -> None:
        self.run, self.name, self.entry = run, state.stage, stage.validation
        if self.entry is not None:
            key, experiment = validation_of(self.name), run.experiment
            self.sinks = experiment.sinks[key]
            self.graph = build_graph(experiment.wirings[key], seed=experiment.header.seed).to(run.device).eval()
            fill(self.graph, state.weights(), experiment, self.name)

    def is_due(self, state: StageState) -> bool:
        """Return whether there is an evaluation after this step: every `evaluate_every` steps, and after the last."""
        if self.entry is None or state.step == 0:
            return False
        return state.step % self.entry.evaluate_every == 0 or state.step == state.steps

    def is_over(self, state: StageState) -> bool:
        """Return whether the stage ends here: all steps are done, or too many evaluations were no better than the best."""
        patience = None if self.entry is None else self.entry.patience
        exhausted = patience is not None and state.best is not None and state.best.since >= patience
        return state.step == state.steps or exhausted

    def evaluate(self, state: StageState) -> None:
        """Measure the stage as it is now, log the figures, and keep the weights if they are the best. Called by every process.

        Random numbers are the same in each evaluation, and training goes on with its own.
        Raises:
            StoppedError: in the middle. DataError: more unreadable files than are allowed. ConfigError: see `best_so_far`.
        """
        assert self.entry is not None
        fill(self.graph, state.weights(), self.run.experiment, self.name)
        parallel.take_from_main(self.graph.weights())
        measured = measure(self.run, self.name, self.entry, self.sinks, self.graph, alone=False)
        self.run.log(self.name, state.step, {f"{VALIDATION}{figure}": value for figure, value in measured.figures().items()})
        if state.best is not None:
            state.best = self.best_so_far(state, state.best, measured)

    def best_so_far(self, state: StageState, before: Best, measured: Measured) -> Best:
        """Return the best evaluation with this one; where it is this one, its weights are written.

        Raises:
            ConfigError: the validation has no figure of the name in `best`.
        """
        assert self.entry is not None
        figure, figures = str(self.entry.best), measured.figures()
        if figure not in figures:
            where = self.run.experiment.document.location(("stages", self.name, "validation", "best"))
            hint = suggest(figure, list(figures), noun="figures")
            raise ConfigError([Problem(f"the validation of stage {self.name!r} has no figure {figure!r}", where, hint)])
        value = collectives.gather_objects(figures[figure])[0]  # one decision for all processes
        sign = -1 if figure in measured.lower_is_better() else 1
        if not math.isfinite(value) or (before.step and sign * value <= sign * before.value):
            return replace(before, since=before.since + 1)
        if collectives.is_main():
            checkpoints.save_best(self.run.folder.checkpoints(self.name), state.step, state.weights())
        return Best(state.step, value)


def fill(graph: Graph, weights: Mapping[str, Tensor], experiment: Experiment, stage: str) -> None:
    """Copy the weights of a training stage into the graph of its validation.

    Raises:
        ConfigError: they do not fit, because its data differ from those of the training.
    """
    try:
        graph.load_weights(weights)
    except SpecError as error:
        where = experiment.document.location(("stages", stage, "validation", "data"))
        message = f"the weights of stage {stage!r} do not fit the data of its validation: {error.message}"
        raise ConfigError([Problem(message, where, error.hint)]) from None


def validation_problems(experiment: Experiment) -> list[Problem]:
    """List what cannot be meant by the `best` and `patience` of validations, as far as it is known before training."""
    problems = []
    for name, stage in experiment.stages.items():
        entry = stage.validation if isinstance(stage, TrainStage) else None
        if entry is None:
            continue
        at = ("stages", name, "validation")
        if entry.patience is not None and entry.best is None:
            message, hint = "`patience` waits for a better figure, and no `best` says which", "add `best: FIGURE`, or leave it out"
            problems.append(Problem(message, experiment.document.location((*at, "patience")), hint))
        begins = _beginnings(entry)
        if entry.best is not None and not entry.best.startswith(tuple(begins)):
            message = f"no figure of this validation is called {entry.best!r}"
            hint = f"{suggest(entry.best, begins, noun='beginnings')}; the name that the metric gives it follows"
            problems.append(Problem(message, experiment.document.location((*at, "best")), hint))
    return problems


def _beginnings(entry: Evaluation) -> list[str]:
    """List how the names of figures begin, `all/accuracy/`; what a metric computes follows."""
    labels = [label_of(given) for given in entry.present or ((),)]
    by_metric = {key: [label_of_metric(metric)] if metric.present else labels for key, metric in entry.metrics.items()}
    return [f"{label}/{key}/" for key, labels in by_metric.items() for label in labels]
