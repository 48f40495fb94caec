"""Weights that a stage begins with, of an earlier stage or of a file, against its graph: shapes are enough to tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from antifaz.core.errors import WeightsError
from antifaz.core.experiment import Experiment, PretrainedPart, Stage, TrainStage, validation_of
from antifaz.core.graph.module import build_graph
from antifaz.engine.training.initialization import initialize, sources_of
from antifaz.engine.training.validation import fill
from antifaz.registry import ConfigError, Problem

from .model import stage_wires


def weights_problems(experiment: Experiment, *, files: bool) -> list[Problem]:
    """Hold the weights that an `init:` names against the stage's own graph.

    files: whether to read files of weights too; those that are not there are left to `report_missing_files`.
    """
    trained = {name: build_graph(experiment.wirings[name], device="meta").weights() for name in _source_stages(experiment)}
    problems = []
    for name, stage in experiment.stages.items():
        sources = list(sources_of(stage.init))
        ready = all(source in trained or (files and Path(source).is_file()) for source in sources)
        if not sources or not ready or _takes_pretrained_parts(stage):
            continue
        wiring = experiment.wirings[name]
        needed = () if isinstance(stage, TrainStage) else wiring.needed_for(stage_wires(experiment, name))
        try:
            initialize(build_graph(wiring, device="meta"), stage.init, trained, needed=needed)
        except WeightsError as error:
            problems.append(Problem(error.message, experiment.document.location(("stages", name, "init")), error.hint))
    return problems


def validation_weights_problems(experiment: Experiment) -> list[Problem]:
    """Hold the weights of each validated stage against the graph as the data of the validation have it."""
    problems: list[Problem] = []
    for name in experiment.stages:
        if (wiring := experiment.wirings.get(validation_of(name))) is not None:
            weights = build_graph(experiment.wirings[name], device="meta").weights()
            try:
                fill(build_graph(wiring, device="meta"), weights, experiment, name)
            except ConfigError as error:
                problems += error.problems
    return problems


def _source_stages(experiment: Experiment) -> list[str]:
    """List the stages whose weights others begin with."""
    sources = {source for stage in experiment.stages.values() for source in sources_of(stage.init)}
    return [name for name in experiment.stages if name in sources]


def _takes_pretrained_parts(stage: Stage) -> bool:
    return isinstance(stage.init, Mapping) and any(isinstance(source, PretrainedPart) for source in stage.init.values())
