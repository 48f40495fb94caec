"""Metrics are tried on random values, so that a run does not train for hours before one breaks its contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, read
from antifaz.engine.contract.metrics import metric_problems
from antifaz.engine.run import run_experiment
from antifaz.registry import ConfigError
from tests.support.contract_config import CONFIG, PLUGIN

VALIDATION = "stages.train.validation={{evaluate_every: 1, data: train, metrics: {{balanced: {}}}}}"


def planted(tmp_path: Path, *overrides: str) -> Experiment:
    (tmp_path / "contract.yaml").write_text(CONFIG)
    return read(tmp_path / "contract.yaml", discover([PLUGIN]), overrides)


def test_a_metric_that_raises_on_random_values_is_left_to_the_evaluation(tmp_path: Path) -> None:
    assert metric_problems(planted(tmp_path, "stages.test.metrics.balanced.fault=raises")) == []
    (problem,) = metric_problems(planted(tmp_path, "stages.test.metrics.balanced.fault=number"))
    assert "returns a bare float" in problem.message


def test_metrics_of_a_validation_are_tried_too(tmp_path: Path) -> None:
    change = VALIDATION.format("{use: balanced, in: [labels, batch.label], fault: tensor}")
    (problem,) = metric_problems(planted(tmp_path, change))
    assert "(balanced of stage 'train') returns a tensor" in problem.message
    assert "stages.train.validation=" in str(problem)


def test_a_run_begins_nothing_with_a_metric_that_breaks_its_contract(tmp_path: Path) -> None:
    experiment = planted(tmp_path, "stages.test.metrics.balanced.fault=tensor")
    with pytest.raises(ConfigError, match="returns a tensor"):
        run_experiment(experiment, tmp_path / "run", device="cpu", quiet=True)
    assert not (tmp_path / "run" / "config.yaml").exists()
