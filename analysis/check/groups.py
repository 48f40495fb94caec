"""Groups of parameters of a training stage: what of the model trains at which rate and with which decay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from antifaz.core.experiment import TrainStage
from antifaz.core.streams import Shape
from antifaz.engine.training.model import TrainingModel, is_frozen, trainable_parameters
from antifaz.engine.training.optimization import parameter_groups
from antifaz.engine.training.parameters import layer_factors

SHOWN = 4
"""How many members of a group are named."""


@attrs.frozen
class GroupReport:
    """Parameters of one peak learning rate and decay. members: nodes, or blocks of a list with layer-wise decay."""

    learning_rate: float
    weight_decay: float
    tensors: int
    parameters: int
    members: tuple[str, ...]

    @property
    def text(self) -> str:
        more = len(self.members) - SHOWN
        members = ", ".join(self.members[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        return (
            f"learning rate {self.learning_rate:.3g}, decay {self.weight_decay:.3g}: "
            f"{self.parameters:,} parameters in {self.tensors} tensors of {members}"
        )

    def json(self) -> dict[str, Any]:
        return attrs.asdict(self)


def report_groups(model: TrainingModel, stage: TrainStage, shapes: Mapping[str, Shape]) -> tuple[GroupReport, ...]:
    """Report the groups of a stage that sets rates or decays for some of its parameters; nothing for any other.

    model: on the meta device. shapes: of the stage's own data.
    """
    if not (stage.lr_scale or stage.layer_decay or stage.weight_decay):
        return ()
    reached = trainable_parameters(model, shapes)
    weights = model.named_weights().items()
    trained = {name: weight for name, weight in weights if name in reached and not is_frozen(name, stage.freeze)}
    names = {id(parameter): name for name, parameter in trained.items()}
    factors = layer_factors(model, stage.layer_decay)
    reports = []
    for group in parameter_groups(trained, stage.optimizer, stage.lr_scale, stage.weight_decay, factors):
        members = group["params"]
        shown = dict.fromkeys(_member(names[id(parameter)], stage) for parameter in members)
        size = sum(parameter.numel() for parameter in members)
        reports.append(GroupReport(group["lr"], group["weight_decay"], len(members), size, tuple(shown)))
    return tuple(reports)


def _member(name: str, stage: TrainStage) -> str:
    """Return the block of a list with layer-wise decay to which a parameter belongs, or else its node or objective."""
    for blocks in stage.layer_decay:
        if name.startswith(f"{blocks}."):
            return f"{blocks}.{name.removeprefix(f'{blocks}.').partition('.')[0]}"
    node, _, rest = name.partition(".")
    return f"{node}.{rest.partition('.')[0]}" if node == "objectives" else node
