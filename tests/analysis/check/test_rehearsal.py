"""check: objectives on samples where the model is small."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.analysis.check import stages
from antifaz.analysis.check.report import check
from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, read
from antifaz.registry import ConfigError
from tests.support.contract_config import CONFIG, PLUGIN


def planted(tmp_path: Path, *overrides: str) -> Experiment:
    (tmp_path / "contract.yaml").write_text(CONFIG)
    return read(tmp_path / "contract.yaml", discover([PLUGIN]), overrides)


def test_small_models_are_tried_on_samples_and_large_ones_on_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = planted(tmp_path, "stages.train.objectives.squares.fault=real")
    with pytest.raises(ConfigError, match=r"on the first 8 samples of data.train: RuntimeError: not with these values"):
        check(experiment)
    assert check(experiment, data=False).stages["train"].tried is None
    monkeypatch.setattr(stages, "SMALL", 0)
    assert check(experiment).stages["train"].tried == 0


def test_the_report_says_how_many_samples_were_tried(tmp_path: Path) -> None:
    report = check(planted(tmp_path))
    assert report.stages["train"].tried == 8
    assert report.data["train"].text == "16 samples, 16 found, 0 missing; of the first 8 samples all can be read"


def test_a_loss_that_is_not_finite_is_told_at_its_objective(tmp_path: Path) -> None:
    experiment = planted(tmp_path, "stages.train.objectives.squares.fault=endless")
    with pytest.raises(ConfigError) as refused:
        check(experiment)
    (problem,) = refused.value.problems
    said = "stage 'train': with fresh weights, on the first 8 samples of data.train, the loss of 'squares' is not finite"
    assert problem.message == said
    assert problem.location == experiment.document.location(("stages", "train", "objectives", "squares"))


def test_numbers_that_are_not_finite_are_told_with_their_sample(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        check(planted(tmp_path, "data.train.fault=nan"))
    (problem,) = refused.value.problems
    assert problem.message.endswith("hands over 'motion' with numbers that are not finite: 'motion 3'")


def test_an_entry_that_no_tried_sample_has_is_told(tmp_path: Path) -> None:
    report = check(planted(tmp_path, "data.train.fault=labels_only")).data["train"]
    assert report.absent == ("label",)
    assert report.text.endswith("of the first 8 samples all can be read; none of them has 'label'")
