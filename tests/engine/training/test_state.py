"""The state of a stage: a checkpoint brings all of it back."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from antifaz.engine.training.optimization import MovingAverage
from antifaz.engine.training.state import Best, StageState


class Model(nn.Linear):
    """A linear map with the one member that a stage's model has besides torch's."""

    def named_weights(self) -> dict[str, nn.Parameter]:
        return {f"map.{name}": parameter for name, parameter in self.named_parameters()}


def state() -> StageState:
    model = Model(3, 2)
    parameters = {"map.weight": model.weight}
    optimizer = torch.optim.SGD([{"params": [model.weight], "scale": 1.0}], lr=0.1, momentum=0.9)
    return StageState("train", 4, model, parameters, optimizer, MovingAverage(parameters, 0.5))  # type: ignore[arg-type]


def step(state: StageState) -> None:
    state.model.weight.square().sum().backward()
    state.optimizer.step()
    state.optimizer.zero_grad()
    state.average.update(state.parameters)
    state.step += 1


def test_a_state_goes_on_from_its_newest_checkpoint(tmp_path: Path) -> None:
    first, second = state(), state()
    for _ in range(2):
        step(first)
        first.save(tmp_path, keep=1)
    second.resume(tmp_path)
    assert second.step == 2
    step(first)
    step(second)
    assert torch.equal(first.model.weight, second.model.weight)
    assert torch.equal(first.average.values["map.weight"], second.average.values["map.weight"])


def test_without_a_checkpoint_it_begins_at_the_beginning(tmp_path: Path) -> None:
    fresh = state()
    before = fresh.model.weight.clone()
    fresh.resume(tmp_path)
    assert fresh.step == 0
    assert torch.equal(fresh.model.weight, before)


def test_what_stays_is_named() -> None:
    assert state().untrained() == ["map.bias"]


def test_the_best_evaluation_is_part_of_a_checkpoint(tmp_path: Path) -> None:
    first, second = state(), state()
    first.best, second.best = Best(3, 0.1 + 0.2, 4), Best()
    step(first)
    first.save(tmp_path, keep=1)
    second.resume(tmp_path)
    assert second.best == Best(3, 0.1 + 0.2, 4)
