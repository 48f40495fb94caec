"""The parts of a run one by one, for notebooks and loops of one's own; `antifaz` has them by these names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from antifaz.core.errors import RunError
from antifaz.core.experiment import EvaluateStage, Experiment, Stage, TrainStage
from antifaz.core.graph.module import Graph
from antifaz.core.seeds import derived_seed
from antifaz.data.batches import Batch, evaluation_batches, stage_batches
from antifaz.data.contract import Origin, open_samples
from antifaz.registry import suggest

from . import checkpoints
from .context import Context
from .evaluate import evaluate as run_evaluation
from .run_folder import RunFolder
from .training.initialization import initialize
from .training.model import TrainingModel


def batches(experiment: Experiment, stage: str, *, start: int = 0) -> Iterator[Batch]:
    """Yield the batches of a stage: those that its run would train on, or of an evaluation every sample once, in order.

    start: the step to begin at. Where the stage accumulates gradients, each step has `accumulate` batches.
    Raises:
        RunError: no such stage.
        DataError: data that cannot be used as the config says.
        ComponentError: the code of a plugin raises, or its samples are not as declared.
    """
    chosen = _stage(experiment, stage)
    entry = experiment.data[chosen.data]
    origin = Origin.of(experiment, chosen.data, training=isinstance(chosen, TrainStage))
    samples = open_samples(origin, isinstance(chosen, TrainStage))
    if isinstance(chosen, TrainStage):
        return stage_batches(experiment, stage, chosen, samples, start=start)
    return evaluation_batches(samples, batch_size=entry.batch_size, workers=entry.workers, origin=origin)


def training_model(experiment: Experiment, stage: str, graph: Graph) -> TrainingModel:
    """Put a graph and the objectives of a training stage together; `loss(batch.entries)` is what the stage minimises.

    Raises:
        RunError: no such training stage.
    """
    _stage(experiment, stage, TrainStage)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(experiment.header.seed, stage, "objectives"))
        return TrainingModel(graph, experiment.sinks[stage]).to(next(graph.parameters()).device)


def evaluate(experiment: Experiment, stage: str, graph: Graph) -> dict[str, Any]:
    """Compute the metrics of an evaluation stage with a graph as it is, in this process, and leave the graph in its modes.

    Returns {given modalities: {metric: {figure: value}}}, as results.json has it.

    Raises:
        RunError: no such evaluation stage.
        DataError: data that cannot be used as the config says.
    """
    chosen = _stage(experiment, stage, EvaluateStage)
    assert isinstance(chosen, EvaluateStage)
    modes = {module: module.training for module in graph.modules()}
    with tempfile.TemporaryDirectory() as folder:
        run = _GivenGraph(experiment, Path(folder), graph)
        try:
            run_evaluation(run, stage, chosen)
        finally:
            for module, training in modes.items():
                module.training = training
        results: dict[str, Any] = run.folder.read_results()[stage]
    return results


class _GivenGraph(Context):
    """The context of a run that is forgotten, whose stages have this graph."""

    def __init__(self, experiment: Experiment, folder: Path, graph: Graph) -> None:
        device = next(graph.parameters()).device
        super().__init__(experiment, RunFolder(folder), device, Console(quiet=True))
        self._graph = graph

    def graph(self, name: str, stage: Stage, needed: Iterable[str] = ()) -> Graph:
        return self._graph


def load_weights(graph: Graph, file: str | Path) -> list[str]:
    """Copy weights out of a file into a graph, as `init: FILE` does: whole nodes, by name; nodes that the file lacks stay fresh.

    file: safetensors, or a state dict that torch reads without unpickling code. Returns what was done, a line for each source and
    each tensor that a node adapted.

    Raises:
        WeightsError: a file that has none of the nodes, or half of one.
    """
    return initialize(graph, str(file), {})


def save_weights(graph: Graph, file: str | Path) -> None:
    """Write a graph's weights as safetensors, which a stage can begin with (`init: FILE`).

    Raises:
        WriteError: the file cannot be written.
    """
    checkpoints.save_weights(Path(file), graph.weights())


def _stage(experiment: Experiment, name: str, kind: type[TrainStage] | type[EvaluateStage] | None = None) -> Stage:
    names = [known for known, stage in experiment.stages.items() if kind is None or isinstance(stage, kind)]
    if name not in names:
        noun = {TrainStage: "training stages", EvaluateStage: "evaluation stages", None: "stages"}[kind]
        raise RunError(f"{experiment.name!r} has no {noun.removesuffix('s')} {name!r}", hint=suggest(name, names, noun=noun))
    return experiment.stages[name]
