"""The steps that benchmarks time are steps: they run, and change the weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from antifaz.core.experiment import read

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_a_step_of_each_lowering_runs(load) -> None:
    training_step = load("training_step")
    for lowering in ("grouped", "dense"):
        training_step.training_step("quickstart", "pretrain", 2, lowering, "cpu")()


def test_a_step_with_dropped_tokens_runs_and_is_counted(load) -> None:
    drop_token = load("drop_token")
    counted = []
    for rate in (0.0, 0.5):
        experiment = drop_token.experiment_at("vatt-tiny", rate)
        drop_token.training_step(experiment, 2, "cpu")()
        counted.append(drop_token.counted_flops(experiment, 2))
    assert counted[1] < 0.7 * counted[0]


def test_the_overrides_of_the_studies_are_read(load, plugins) -> None:
    for changes in load("pemt_study").VARIANTS.values():
        read("pemt-tiny", plugins, changes)
    study = load("quickstart_study")
    for config, *changes in study.VARIANTS.values():
        clips = [] if "stages.retrieval=!delete" in changes else study.FRESH_CLIPS
        read(config, plugins, [*changes, *clips])
