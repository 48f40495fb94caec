"""Objectives on the first samples of their data: what they return is held against their contract."""

from __future__ import annotations

from collections.abc import Mapping

from antifaz.core.errors import ComponentError, RunError
from antifaz.core.experiment import Experiment, TrainStage
from antifaz.core.graph.module import build_graph
from antifaz.core.seeds import seeded
from antifaz.core.tokens import Features
from antifaz.data.contract import as_problem
from antifaz.engine.contract.failures import naming_nodes, objective_places
from antifaz.engine.contract.results import require_losses
from antifaz.engine.training.model import TrainingModel
from antifaz.registry import Problem

SMALL = 20 * 10**9
"""FLOPs of the passes that `check` spends on the samples of a stage: a second or two on a CPU."""

SMALL_MODEL = 50 * 10**6
"""Parameters that `check` is ready to draw for them."""


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
            endless = [key for key, loss in losses.items() if not all(t.total.isfinite() for t in loss.terms.values())]
        except ComponentError as error:
            return [as_problem(error, experiment.document.location(("stages", name)))]
        except RunError as error:
            return [Problem(error.message, experiment.document.location(("stages", name)), error.hint)]
    where = f"stage {name!r}: with fresh weights, on the first {size} samples of data.{stage.data}"
    hint = "guard its logarithms, roots and divisions, or scale what it reads"
    return [Problem(f"{where}, the loss of {key!r} is not finite", places(key), hint) for key in endless]
