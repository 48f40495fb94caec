"""The state of a training stage: what steps change, what a checkpoint holds, and what callbacks see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict

from antifaz.engine import checkpoints
from antifaz.layers.capture import Captured

from .model import TrainingModel
from .optimization import MovingAverage


@dataclass
class Best:
    """The best evaluation of a stage so far.

    step: after which it was, 0 where there is none yet. value: of the figure that counts. since: evaluations after it, or in all.
    """

    step: int = 0
    value: float = math.nan
    since: int = 0


@dataclass
class StageState:
    """A training stage while it runs; an `antifaz.core.interfaces.TrainingState`.

    parameters: those that train, by name. average: of the parameters, where the stage keeps one. step: how many are done.
    figures: of the last step, on the device. captured: of the last step, what callbacks asked for.
    rate: of learning, in the last step. saved: the step of the newest
    checkpoint. best: of its evaluations, where the stage asks for that; a checkpoint knows those of the steps before its own.
    """

    stage: str
    steps: int
    model: TrainingModel
    parameters: dict[str, nn.Parameter]
    optimizer: torch.optim.Optimizer
    average: MovingAverage | None
    step: int = 0
    figures: Mapping[str, Tensor] = field(default_factory=dict)
    captured: Mapping[str, Captured] = field(default_factory=dict)
    rate: float = 0.0
    saved: int = 0
    best: Best | None = None

    def content(self) -> dict[str, Any]:
        """Return all that a step depends on besides the config and its number."""
        content: dict[str, Any] = {
            "model": dict(self.model.named_weights()),
            "buffers": dict(self.model.named_buffers()),
            "optimizer": get_optimizer_state_dict(self.model, self.optimizer),
        }
        if self.average is not None:
            content["average"] = self.average.values
        if self.best is not None:
            content["best"] = asdict(self.best)
        return content

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the graph that the stage would leave now: averaged, where it keeps an average."""
        averages = {} if self.average is None else self.average.values
        return {name: averages.get(name, value) for name, value in self.model.graph.weights().items()}

    def save(self, folder: Path, keep: int) -> None:
        """Write a checkpoint of this step. Called by every process."""
        checkpoints.save(folder, self.step, self.content(), keep)
        self.saved = self.step

    def resume(self, folder: Path) -> None:
        """Load the newest checkpoint into place, if there is one.

        Raises:
            WeightsError: a checkpoint that is damaged, or of another graph.
        """
        complete = checkpoints.steps(folder)
        if complete:
            content = self.content()
            checkpoints.load(folder, complete[-1], content)
            set_optimizer_state_dict(self.model, self.optimizer, content["optimizer"])
            self.step = self.saved = complete[-1]
            if self.best is not None:
                self.best = Best(**content["best"])

    def untrained(self) -> list[str]:
        """Name what keeps its weights: nodes of which nothing trains, then single parameters of the others."""
        still = [key for key in self.model.named_weights() if key not in self.parameters]
        partly = {key.partition(".")[0] for key in self.parameters}
        nodes = dict.fromkeys(node for key in still if (node := key.partition(".")[0]) not in partly)
        return [*nodes, *(key for key in still if key.partition(".")[0] in partly)]
