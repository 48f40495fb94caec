"""Checkpoints: what was saved comes back, the newest are kept, and damage is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from antifaz.core.errors import WeightsError
from antifaz.engine import checkpoints
from antifaz.registry import WriteError


def state(value: float) -> dict:
    return {"model": {"w": torch.full((3,), value)}, "optimizer": {"step": torch.tensor(value)}}


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "c", 5, state(2.5), keep=2)
    loaded = state(0.0)
    checkpoints.load(tmp_path / "c", 5, loaded)
    assert loaded["model"]["w"].tolist() == [2.5] * 3
    assert loaded["optimizer"]["step"].item() == 2.5


def test_the_newest_are_kept(tmp_path: Path) -> None:
    assert checkpoints.steps(tmp_path) == []
    for step in (2, 4, 10):
        checkpoints.save(tmp_path, step, state(step), keep=2)
    assert checkpoints.steps(tmp_path) == [4, 10]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000004", "step-00000010"]


def test_a_step_can_be_saved_again_and_a_partial_one_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".step-00000003").mkdir()
    assert checkpoints.steps(tmp_path) == []
    for value in (1.0, 2.0):
        checkpoints.save(tmp_path, 3, state(value), keep=1)
    loaded = state(0.0)
    checkpoints.load(tmp_path, 3, loaded)
    assert loaded["model"]["w"][0] == 2.0
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 1, state(1.0), keep=1)
    for file in (tmp_path / "step-00000001").iterdir():
        file.write_bytes(file.read_bytes()[:10])
    with pytest.raises(WeightsError, match="is damaged or belongs to another graph") as refused:
        checkpoints.load(tmp_path, 1, state(0.0))
    assert "delete this folder" in str(refused.value.hint)


def test_a_checkpoint_of_another_graph_is_told(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 1, state(1.0), keep=1)
    with pytest.raises(WeightsError, match="another graph"):
        checkpoints.load(tmp_path, 1, {"model": {"other": torch.zeros(3)}})


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file")
    with pytest.raises(WriteError):
        checkpoints.save(tmp_path / "c", 1, state(1.0), keep=1)


def test_weights_are_safetensors_of_what_is_there(tmp_path: Path) -> None:
    transposed = torch.arange(6.0).view(2, 3).T.requires_grad_()
    checkpoints.save_weights(tmp_path / "new" / "w.safetensors", {"a": transposed, "b": torch.tensor(3)})
    loaded = load_file(tmp_path / "new" / "w.safetensors")
    assert torch.equal(loaded["a"], transposed)
    assert loaded["b"].item() == 3


def test_best_weights_are_kept_as_long_as_a_checkpoint_goes_back_to_them(tmp_path: Path) -> None:
    def best() -> list[int]:
        return sorted(step for step in range(1, 20) if checkpoints.best_weights(tmp_path, step).exists())

    def found(step: int) -> None:
        checkpoints.save_best(tmp_path, step, {"w": torch.tensor(float(step))})

    found(1)
    found(2)
    assert best() == [2]  # a run that is killed now begins at the beginning
    checkpoints.save(tmp_path, 4, state(4.0), keep=2)
    found(4)
    found(5)
    assert best() == [2, 5]  # the checkpoint of step 4 was written before its evaluation
    checkpoints.save(tmp_path, 6, state(6.0), keep=2)
    found(6)
    assert best() == [2, 5, 6]
    checkpoints.save(tmp_path, 8, state(8.0), keep=2)
    found(9)
    assert best() == [5, 6, 9]
    assert load_file(checkpoints.best_weights(tmp_path, 5))["w"].item() == 5.0
    checkpoints.forget_best_from(tmp_path, 6)
    assert best() == [5]
    assert checkpoints.steps(tmp_path) == [6, 8]
