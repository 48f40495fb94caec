"""Checks of what a training stage is made of: optimizers, schedules, loggers, callbacks."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed import checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict

from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, read
from antifaz.core.interfaces import OptimizerSpec, SampleSet

from .case import Case, require

STEPS = 40


@dataclass
class Loop:
    """A tiny training stage: a linear map that is to become a given one; an `antifaz.core.interfaces.TrainingState`."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    stage: str = "train"
    steps: int = STEPS
    step: int = 0
    figures: Mapping[str, Tensor] = field(default_factory=dict)
    captured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> Mapping[str, nn.Parameter]:
        return dict(self.model.named_parameters())

    def loss(self) -> Tensor:
        """The mean squared distance of the weights from 1."""
        return torch.stack([(p - 1).square().mean() for p in self.model.parameters()]).sum()

    def train(self, steps: int) -> None:
        for _ in range(steps):
            self.optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            self.optimizer.step()
            self.step, self.figures = self.step + 1, {"loss": loss.detach()}


def _loop(spec: OptimizerSpec) -> Loop:
    """A loop whose weights follow from a fixed seed, with a group for matrices and one for vectors, as the engine makes them."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Linear(4, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    decays = ((model.weight, spec.weight_decay), (model.bias, 0.0))
    groups: list[dict[str, Any]] = [{"params": [p], "lr": spec.lr, "scale": 1.0, "weight_decay": decay} for p, decay in decays]
    return Loop(model, spec.build(groups))


def reduces_a_loss(case: Case) -> None:
    """A quadratic loss falls in 40 steps, and a group whose learning rate is 0 keeps its parameters."""
    loop = _loop(case.spec)
    loop.optimizer.param_groups[1]["lr"] = 0.0
    before, bias = float(loop.loss()), loop.parameters["bias"].detach().clone()
    loop.train(STEPS)
    after = float(loop.loss())
    wrong = f"the loss of a quadratic is {before:g}, and {after:g} after {STEPS} steps"
    require(
        math.isfinite(after) and after < before, wrong, "choose an `lr` for the example that suits a tiny model, or mend `step`"
    )
    wrong = "a parameter changed whose learning rate is 0"
    require(torch.equal(loop.parameters["bias"], bias), wrong, "multiply every change, decay too, by the `lr` of its group")


def goes_on_from_its_state(case: Case) -> None:
    """Five steps, a checkpoint that another optimizer reads, five more: the same weights as ten steps."""
    whole, first, second = _loop(case.spec), _loop(case.spec), _loop(case.spec)
    whole.train(10)
    first.train(5)
    with tempfile.TemporaryDirectory() as folder:
        dcp.save(_state(first), checkpoint_id=Path(folder) / "c", no_dist=True)  # type: ignore[attr-defined]
        state = _state(second)
        dcp.load(state, checkpoint_id=Path(folder) / "c", no_dist=True)  # type: ignore[attr-defined]
        set_optimizer_state_dict(second.model, second.optimizer, state["optimizer"])
    second.train(5)
    for name, value in whole.parameters.items():
        wrong = f"{name} differs after a stop: something that the optimizer remembers is not in its state_dict"
        require(torch.equal(value, second.parameters[name]), wrong, "keep all of it in `self.state[parameter]`, as tensors")


def _state(loop: Loop) -> dict[str, Any]:
    return {"model": dict(loop.parameters), "optimizer": get_optimizer_state_dict(loop.model, loop.optimizer)}


def sane_rates(case: Case) -> None:
    """Every step has a finite rate from 0 to the peak or above, the same when asked again, and it grows with the peak."""
    for steps in (1, 2, 10):
        rates = [case.spec.rate(step, steps, 0.5) for step in range(steps)]
        sane = all(math.isfinite(rate) and rate >= 0 for rate in rates)
        require(sane, f"the rates of {steps} steps are {rates}", "return finite numbers of at least 0, of a single step too")
        again = [case.spec.rate(step, steps, 0.5) for step in range(steps)]
        wrong = f"the rates of {steps} steps are {rates}, and {again} when asked again"
        require(rates == again, wrong, "let the rate follow from its arguments and the options alone")
        doubled = [case.spec.rate(step, steps, 1.0) for step in range(steps)]
        wrong = f"the rates of {steps} steps are {rates} for a peak of 0.5, and {doubled} for a peak of 1"
        proportional = all(math.isclose(2 * a, b) for a, b in zip(rates, doubled, strict=True))
        require(proportional, wrong, "return `peak` times a factor: each group of parameters has a peak of its own")


class _Run:
    """A run of nothing in a temporary folder; an `antifaz.core.interfaces.RunContext`."""

    def __init__(self, root: Path) -> None:
        self.root, self.device = root, torch.device("cpu")
        config = root / "config.yaml"
        config.write_text("name: conformance\n", encoding="utf-8")
        self.experiment: Experiment = read(config, discover())

    def samples(self, data: str, *, training: bool) -> SampleSet:
        raise KeyError(data)

    def say(self, text: str) -> None:
        """Nobody listens."""

    def warn(self, stage: str, text: str) -> None:
        """Nobody listens."""

    def log(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Nobody listens."""


def takes_figures(case: Case) -> None:
    """Figures of two stages, one of them twice, others each time, and those that are not finite."""
    with tempfile.TemporaryDirectory() as folder:
        logger = case.spec.build(_Run(Path(folder)))
        for step in (1, 2, 2):
            logger.log("train", step, {"loss": 1.0 / step, "learning_rate": 1e-3})
        logger.log("evaluate", 0, {"all/accuracy/labels": 50.0, "all/accuracy/none": math.nan})
        logger.close()


def survives_a_loop(case: Case) -> None:
    """A stage of three steps, and one that goes on after a stop."""
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(Path(folder))
        for start in (0, 2):
            model = nn.Linear(4, 3)
            loop = Loop(model, torch.optim.SGD(model.parameters(), lr=0.01), steps=3, step=start)
            callback = case.spec.build()
            callback.before_stage(run, loop)
            while loop.step < loop.steps:
                loop.train(1)
                callback.after_step(run, loop)
            callback.after_stage(run, loop)
            finite = all(bool(p.isfinite().all()) for p in model.parameters())
            require(finite, "parameters are no longer finite after a stage with it", "change no parameter, or keep it finite")
